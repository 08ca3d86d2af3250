import type { TaskStore } from "../../../src/core/model/store.ts";
import type { TaskRecord } from "../../../src/core/model/task.ts";
import { type Line, type LineOf, linesOf, linesWith } from "../journal.ts";
import { isOver, missingOf, recordsOf } from "../judge.ts";
import { isLoad, type Load } from "../load.ts";
import { type Pause, pausesOf } from "../pauses.ts";
import type { Worker } from "../processes.ts";
import type { Trouble } from "../troubles.ts";
import type { Conversations } from "./conversations.ts";
import { isValid } from "./messages.ts";
import { LEASE_MS, USERS } from "./sessions.ts";
import { type ChatTurn, idleWhileWaited, overlaps, overtaken, turnsOf } from "./turns.ts";

/** What became of the conversations of one round. */
export interface ChatReport {
  tasks: number;
  turns: number;
  /** Of them, begun by the library. */
  automatic: number;
  /** The longest that a user has waited, in milliseconds. */
  waitedMs: number;
  /** Writes, or beginnings, of a turn that another had come after. */
  fenced: number;
  /** Handed over although they stood in the conversation. */
  again: number;
  loads: Load[];
  /** Everything here must be 0. */
  faults: {
    empty: number;
    /** Tasks that were started and are not there. */
    missing: number;
    /** Tasks that have not ended, or of which nobody was told. */
    undelivered: number;
    /** Told by what the store says, and in no conversation. */
    unseen: number;
    /** Accepted writes of a turn after those of a later one. */
    disorder: number;
    /** Conversations that no provider takes, at some step or in the end. */
    invalid: number;
    /** Turns of one session that ran at the same time, though no process was held up and the store was there. */
    overlapping: number;
    /** Turns that were refused what they wrote, in the same case. */
    refused: number;
    /** Follow-ups that came again after they had been acknowledged. */
    retold: number;
    /** Users who got no turn at all. */
    shutOut: number;
    /** Users who waited while nobody had the session, for longer than a lease. */
    idle: number;
    /** Users who waited while another process had more turns than their own. */
    overtaken: number;
    idleHits: number;
    faultyWorkers: number;
  };
}

interface Events {
  journal: string;
  workers: readonly Worker[];
  loads: Load[];
  trouble: Trouble;
}

export async function judge(
  store: TaskStore,
  conversations: Conversations,
  { journal, workers, loads, trouble }: Events,
): Promise<ChatReport> {
  const lines = linesOf(journal);
  const records = await recordsOf(store, USERS);
  const writers = conversations.writers();
  const histories = [...writers.keys()].map((session) => conversations.read(session));
  const told = new Set(histories.flat().flatMap((message) => ("notice" in message ? message.notice : [])));
  const pauses = pausesOf(lines, workers);
  const turns = turnsOf(lines, pauses);
  const delivered = records.filter(({ followUp }) => followUp.status === "delivered");
  // A user's turn goes on while the store is away: what others do meanwhile is fenced.
  const calm = trouble.isStoreAway ? [] : turns.filter((turn) => !isDisturbed(turn, pauses));
  return {
    tasks: records.length,
    turns: turns.length,
    automatic: turns.filter(({ by }) => by === "library").length,
    waitedMs: Math.max(0, ...turns.map(({ waitedMs }) => waitedMs)),
    fenced: turns.filter(({ outcome }) => outcome === "fenced").length,
    again: linesWith(lines, "chat.again").flatMap(({ ids }) => ids).length,
    loads,
    faults: {
      empty: records.length === 0 ? 1 : 0,
      missing: missingOf(lines, records),
      undelivered: records.filter((record) => !isSettled(record)).length,
      unseen: delivered.filter(({ id }) => !told.has(id)).length,
      disorder: [...writers.values()].filter(isDisordered).length,
      invalid: linesWith(lines, "chat.invalid").length + histories.filter((one) => !isValid(one)).length,
      overlapping: overlaps(calm).length,
      refused: calm.filter(({ outcome }) => outcome === "fenced").length,
      retold: retoldIn(lines),
      shutOut: linesWith(lines, "chat.shut_out").length,
      idle: trouble.isStoreAway ? 0 : idleWhileWaited(turns, pauses),
      overtaken: trouble.isStoreAway ? 0 : overtaken(turns, pauses),
      idleHits: loads.filter((load) => !isLoad(load)).length,
      faultyWorkers: workers.filter(({ isFaulty }) => isFaulty).length,
    },
  };
}

function isSettled(record: TaskRecord): boolean {
  const { status, reason } = record.followUp;
  return isOver(record) && (status === "delivered" || reason === "returned");
}

function isDisordered(writers: readonly number[]): boolean {
  return writers.some((turn, index) => turn < (writers[index - 1] ?? 0));
}

/** Whether its process was held up while it ran, or when it may have been claimed, or when it was to be settled. */
function isDisturbed({ pid, from, to }: ChatTurn, pauses: readonly Pause[]): boolean {
  return pauses.some(
    (pause) => pause.pid === pid && pause.from < to + LEASE_MS && pause.to > from - LEASE_MS,
  );
}

/**
 * What was handed over again although the store has said that it is acknowledged: to a turn that began after that. One
 * that was suspended as it looked finds it told, too.
 */
export function retoldIn(lines: readonly Line[]): number {
  const acknowledged = linesWith(lines, "chat.acknowledged");
  const begun = linesWith(lines, "chat.begun");
  const isRetold = (id: string, { pid, session, turn }: LineOf<"chat.again">) => {
    const from = begun.find((line) => line.pid === pid && line.session === session && line.turn === turn)?.at;
    return acknowledged.some(({ ids, at }) => ids.includes(id) && (from === undefined || at < from));
  };
  return linesWith(lines, "chat.again").flatMap((line) => line.ids.filter((id) => isRetold(id, line))).length;
}
