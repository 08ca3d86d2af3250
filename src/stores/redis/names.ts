import type { SessionKey } from "../../core/model/session-claim.ts";
import type { TaskKey } from "../../core/model/store.ts";
import type { TaskScope } from "../../core/model/task.ts";

/**
 * A text as it stands in a key. Half a surrogate pair is no UTF-8 and would become the same character as any
 * other half.
 */
export function nameOf(text: string): string {
  return text.replace(/[%\p{Surrogate}]/gu, escaped);
}

/** A user's name has no slash: that is where it ends in the names of tasks and sessions. */
export function nameOfUser(userId: string): string {
  return nameOf(userId).replaceAll("/", escaped);
}

export function nameOfTask({ userId, id }: TaskKey): string {
  return `${nameOfUser(userId)}/${nameOf(id)}`;
}

/** Whose a name is. */
export function taskNamed(name: string): TaskKey {
  const slash = name.indexOf("/");
  return { userId: unescaped(name.slice(0, slash)), id: unescaped(name.slice(slash + 1)) };
}

export function nameOfSession({ userId, sessionId }: SessionKey): string {
  return `${nameOfUser(userId)}/${sessionField(sessionId)}`;
}

/** Which session a name is. */
export function sessionNamed(name: string): SessionKey {
  const { userId, id: field } = taskNamed(name);
  return { userId, sessionId: field === NO_SESSION ? null : field.slice(1) };
}

/** A session as a field of its tasks. No id of a session is taken for none. */
export function sessionField(sessionId: string | null): string {
  return optionalName(sessionId);
}

/** The session that a scope narrows to; "" is any. */
export function narrowedTo({ sessionId }: TaskScope): string {
  return sessionId === undefined ? "" : sessionField(sessionId);
}

const NO_SESSION = "-";

export function optionalName(text: string | null): string {
  return text === null ? NO_SESSION : `+${nameOf(text)}`;
}

/** A number as scripts and Redis read it. Redis takes no NaN, and would find that in the middle of a script. */
export function numeral(value: number): string {
  if (typeof value !== "number" || Number.isNaN(value)) throw new TypeError(`${value} is no number.`);
  if (value === Number.POSITIVE_INFINITY) return "inf";
  return value === Number.NEGATIVE_INFINITY ? "-inf" : String(value);
}

/** A list of arguments, which begins with its length. */
export function listed(items: readonly string[]): string[] {
  return [String(items.length), ...items];
}

/**
 * The shard of a user: FNV-1a, and then each bit of it mixed into all others, as the lowest alone know little.
 * It must never change, or tasks are not found where they were left.
 */
export function shardOf(userId: string, shards: number): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < userId.length; index += 1) {
    hash = Math.imul(hash ^ userId.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % shards;
}

function escaped(character: string): string {
  return `%${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function unescaped(name: string): string {
  return name.replace(/%([0-9a-f]{4})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16)));
}
