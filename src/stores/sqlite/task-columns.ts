import { isFinished, type TaskRecord } from "../../core/model/task.ts";
import type { SqliteValue } from "./connection.ts";
import { type Entry, toJson } from "./entry.ts";
import { DELAYED_UNTIL, ENDED_AT, INDEX, IS_DUE, TASKS } from "./names.ts";
import { encodeNullable, encodeText } from "./text.ts";

/**
 * How a task is written: in the columns that it is found by, and as JSON.
 *
 * ? task, ? user, ? session, ? createdAt, ? status, ? key for equal calls, ? end of its lease,
 * ? the task as JSON.
 */
export const INSERT = `INSERT INTO ${TASKS} (id, userId, session, createdAt, status, liveKey, leaseEndsAt, kept)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`;

/** The values of {@link INSERT}. */
export function insertValues(entry: Entry, leaseEndsAt: number): SqliteValue[] {
  const { id, userId, sessionId, createdAt, status } = entry.record;
  const names = [encodeText(id), encodeText(userId), encodeNullable(sessionId)];
  return [...names, createdAt, status, liveKey(entry.record), leaseEndsAt, toJson(entry)];
}

/**
 * ? status, ? key for equal calls, ? end of a new lease or null, ? its end; of its place ? the index or null, ? mode,
 * ? turns, ? whether it is due, ? until when it is delayed; ? the task as JSON, ? key.
 */
export const UPDATE = `UPDATE ${TASKS} SET status = ?, liveKey = ?, leaseEndsAt = ifnull(?, leaseEndsAt), ${ENDED_AT} = ?,
  ${INDEX} = ?, mode = ?, turns = ?, ${IS_DUE} = ?, ${DELAYED_UNTIL} = ?, kept = ? WHERE key = ?`;

/** The values of {@link UPDATE}. */
export function updateValues(entry: Entry): SqliteValue[] {
  const { key, record, endedAt, leaseEndsAt, index, mode, turns, isDue, delayedUntil } = entry;
  const times = [leaseEndsAt, endedAt];
  const place = [index === "unfinished" ? null : index, mode, turns, isDue, delayedUntil];
  return [record.status, liveKey(record), ...times, ...place, toJson(entry), key];
}

/** Under which an equal call finds this one. */
function liveKey({ duplicateKey, cancel, status }: TaskRecord): string | null {
  const isLive = duplicateKey !== null && cancel === null && !isFinished(status);
  return isLive ? encodeText(duplicateKey) : null;
}
