import { isFinished, type TaskRecord } from "../../core/model/task.ts";
import { type Entry, toJson } from "./entry.ts";
import { DELAYED_UNTIL, DUPLICATE_KEY, ENDED_AT, INDEX, IS_DUE, TASKS } from "./names.ts";
import { statement, type Values } from "./statement.ts";
import { encodeNullable, encodeText } from "./text.ts";

/** The columns of a task that change, and the task as JSON. */
type Changing = "status" | "duplicateKey" | "leaseEndsAt" | "kept";

/** Those that stay as they are. */
type Lasting = "id" | "userId" | "session" | "createdAt" | "idempotencyKey";

/** Its place: `index: null` is that of the unfinished ones. */
type Placing = "endedAt" | "index" | "mode" | "turns" | "isDue" | "delayedUntil";

/** Writes a task in the columns that it is found by, and as JSON. */
export const INSERT = statement<Changing | Lasting>(
  `INSERT INTO ${TASKS} (id, userId, session, createdAt, idempotencyKey, status, ${DUPLICATE_KEY}, leaseEndsAt, kept)
    VALUES (:id, :userId, :session, :createdAt, :idempotencyKey, :status, :duplicateKey, :leaseEndsAt, :kept)
    ON CONFLICT (id) DO NOTHING`,
);

/** The values of {@link INSERT}. */
export function insertValues(entry: Entry, leaseEndsAt: number): Values<Changing | Lasting> {
  const { id, userId, sessionId, createdAt, status, idempotency } = entry.record;
  return {
    id: encodeText(id),
    userId: encodeText(userId),
    session: encodeNullable(sessionId),
    createdAt,
    idempotencyKey: idempotency === undefined ? null : encodeText(idempotency.key),
    status,
    duplicateKey: liveDuplicateKey(entry.record),
    leaseEndsAt,
    kept: toJson(entry),
  };
}

/** `leaseEndsAt: null`: the old one goes on. */
export const UPDATE = statement<Changing | Placing | "key">(
  `UPDATE ${TASKS} SET status = :status, ${DUPLICATE_KEY} = :duplicateKey,
    leaseEndsAt = ifnull(:leaseEndsAt, leaseEndsAt), ${ENDED_AT} = :endedAt, ${INDEX} = :index, mode = :mode,
    turns = :turns, ${IS_DUE} = :isDue, ${DELAYED_UNTIL} = :delayedUntil, kept = :kept WHERE key = :key`,
);

/** The values of {@link UPDATE}. */
export function updateValues(entry: Entry): Values<Changing | Placing | "key"> {
  const { key, record, endedAt, leaseEndsAt, index, mode, turns, isDue, delayedUntil } = entry;
  return {
    key,
    status: record.status,
    duplicateKey: liveDuplicateKey(record),
    leaseEndsAt,
    endedAt,
    index: index === "unfinished" ? null : index,
    mode,
    turns,
    isDue,
    delayedUntil,
    kept: toJson(entry),
  };
}

/** Under which a duplicate finds this one. */
function liveDuplicateKey({ duplicateKey, cancel, status }: TaskRecord): string | null {
  const isLive = duplicateKey !== null && cancel === null && !isFinished(status);
  return isLive ? encodeText(duplicateKey) : null;
}
