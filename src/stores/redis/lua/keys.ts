/**
 * Every kind of key: what scripts call it, and what it is called in Redis. The latter is on disk since 0.1.0 and
 * stays as it is; where the two differ, only this table knows both.
 *
 * A key is that of its shard, the kind, and what it belongs to: a task, a session, a user, or the whole shard.
 */
const KINDS = {
  /** The version of all that is written in the shard. */
  version: "version",
  /** Of the shard: what commands are tried on. It is there only meanwhile. */
  scratch: "scratch",

  /** Of a task, a hash: the fields that may change, and those that only scripts read. */
  task: "task",
  /** Of a task, a text: the rest of its record, in two lines. */
  call: "call",
  /** Of a task, a list: its newest events. */
  log: "log",
  /** Of a task, a text: its result as JSON. */
  result: "result",
  /** Of a task that has not ended, a hash: its input and its checkpoint. */
  payload: "payload",
  /** Of the shard, by the end of their leases: names of unfinished tasks. */
  leases: "leases",

  /** Of the shard, a hash: why a task was set aside, by its name. */
  damaged: "damaged",
  /** Of a key of a damaged task: what it held. */
  aside: "aside",

  /** Of a user, by creation: ids of all tasks. */
  of_user: "all",
  /** Of a session, by creation: ids of all tasks. */
  of_session: "in",
  /** The index of a user's unfinished tasks: ids by creation. */
  unfinished: "open",
  /** The index of tasks whose follow-up is pending, by their ends: ids of a user's, and names in the shard. */
  pending: "waiting",
  /** The index of tasks whose follow-up a claim has, a list for each session: ids as they were claimed. */
  claimed: "taken",
  /** The index of tasks that have ended, with nobody left to be told, as that of the pending ones. */
  done: "done",
  /** Of an index, by how many tasks they have there: users. */
  users: "crowd",

  /** Of a user, a hash: unfinished tasks by status, and by status and session. */
  counts: "load",
  /** Of a user, a hash: ids of unfinished tasks by their duplicate key. */
  duplicates: "duplicates",
  /** Of a user, a hash: ids of all tasks that have an idempotency key, by that. */
  keyed: "keyed",

  /** Of a mode and session, by their ends: ids of tasks whose follow-up is due. */
  due: "due",
  /** Of a mode and session, by their ends: delayed because the session was busy. */
  deferred: "deferred",
  /** Of a mode and session, by their ends: delayed because the delivery has failed. */
  released: "late",
  /** Of the shard, by the moment they become due: names of tasks whose follow-up is deferred or released. */
  delayed: "delayed",

  /** Of a group, by the end of their oldest follow-up that is due: sessions that nobody has claimed. */
  sessions: "lane",
  /** Of the shard, a set: the groups that have sessions. */
  groups: "lanes",
  /** Of the shard, a hash: turns by session. */
  turns: "turns",
  /** Of the shard, by when their last turn was counted: sessions. */
  counted: "turned",

  /**
   * Of a session, a hash: the token of its claim, whose turn it is, its number, whether it counts a turn, and why it is
   * asked to stop. An empty token is nobody's: the session is kept for those who wait for it.
   */
  claim: "claim",
  /** Of the shard, by the end of their claims: sessions. */
  claims: "claims",
  /** Of a session, for as long as it has some, a hash: the place of each who waits for it, and when they give up. */
  waits: "waits",
  /** Of the shard: the number of its last turn. */
  number: "number",
  /** Of a session, for a while, a list: who has settled its last claim, and the names of its tasks. */
  settled: "settled",
} as const;

/** The name of a kind, where it is an argument. */
export type Kind = keyof typeof KINDS;

const pairs = Object.entries(KINDS).map(([name, onDisk]) => `${name} = '${onDisk}'`);

/** Every key begins with that of the shard, which has the hash tag: so all of them are in one slot. */
export const KEYS = `
local shard, KINDS = KEYS[1], { ${pairs.join(", ")} }

local function key(kind, of)
  if of then return shard .. ':' .. KINDS[kind] .. ':' .. of end
  return shard .. ':' .. KINDS[kind]
end
`;
