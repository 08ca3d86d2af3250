import type { FollowUpMode, FollowUpStatus } from "../../core/model/follow-up.ts";
import type { TaskPatch } from "../../core/model/lifecycle.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import { wrongWithRecord } from "../shared/check-record.ts";
import { isObject } from "../shared/checks.ts";
import { fromKey, fromSessionKey, fromText, toKey, toSessionKey, toText } from "./keys.ts";
import { type RowKey, readPart, WrongRowError } from "./wrong-row.ts";

/** What a record is made of. Texts are as {@link toKey} and `JSON.stringify` have made them. */
export interface TaskRow extends RowKey {
  session: string;
  details: string;
  status: TaskRecord["status"];
  version: number;
  owner: string | null;
  runs: number;
  duplicate_key: string | null;
  created_at: number;
  started_at: number | null;
  updated_at: number;
  completed_at: number | null;
  deadline_at: number | null;
  progress: string | null;
  error: string | null;
  cancel: string | null;
  follow_up_status: FollowUpStatus;
  follow_up_mode: FollowUpMode | null;
  follow_up_attempts: number;
  /** Null in rows of which no turn was held. */
  follow_up_holds: number | null;
  follow_up_reason: string | null;
  last_seq: number;
  /** Why it was set aside. */
  damage: string | null;
  /** Its result was written, and is gone; only where that was looked for. */
  lacks_result?: boolean;
}

/** A record as JSON that `json_populate_record` makes a row of, with some columns of the store's own. */
export function toRow(record: TaskRecord, columns: Record<string, number>): string {
  const { agentId, toolName, toolCallId, summary, priority, metadata, word, idempotency } = record;
  return JSON.stringify({
    user_id: toKey(record.userId),
    id: toKey(record.id),
    session: toSessionKey(record.sessionId),
    details: JSON.stringify({
      agentId,
      toolName,
      toolCallId,
      summary,
      priority,
      metadata,
      word,
      idempotency,
    }),
    idempotency_key: idempotency && toKey(idempotency.key),
    version: record.version,
    duplicate_key: orNull(record.duplicateKey, toKey),
    created_at: record.createdAt,
    updated_at: record.updatedAt,
    progress: orNull(record.progress, JSON.stringify),
    last_seq: record.lastSeq,
    ...columns,
    ...changes(record),
  });
}

/** The fields that a patch names, as JSON. */
export function toPatch(patch: TaskPatch): string {
  return JSON.stringify(changes(patch));
}

/** What is not named is left out of JSON, and so stays as it is in the row. */
function changes(patch: TaskPatch): Record<string, unknown> {
  const { followUp } = patch;
  return {
    status: patch.status,
    owner: orNull(patch.owner, toKey),
    runs: patch.runs,
    started_at: patch.startedAt,
    completed_at: patch.completedAt,
    deadline_at: patch.deadlineAt,
    error: orNull(patch.error, JSON.stringify),
    cancel: orNull(patch.cancel, JSON.stringify),
    follow_up_status: followUp?.status,
    follow_up_mode: followUp?.mode,
    follow_up_attempts: followUp?.attempts,
    follow_up_holds: followUp && (followUp.holds ?? null),
    follow_up_reason: orNull(followUp?.reason, toText),
  };
}

/** The record in a row. @throws WrongRowError */
export function fromRow(row: TaskRow): TaskRecord {
  if (row.damage !== null) throw new WrongRowError(row, row.damage);
  const record = recordIn(row);
  const reason = row.lacks_result ? "its result is missing" : wrongWithRecord(record);
  if (reason !== undefined) throw new WrongRowError(row, reason);
  return record;
}

function recordIn(row: TaskRow): TaskRecord {
  const { agentId, toolName, toolCallId, summary, priority, metadata, ...more } = readPart(
    row,
    "its details",
    () => toObject(row.details),
  );
  return {
    id: fromKey(row.id),
    userId: fromKey(row.user_id),
    sessionId: fromSessionKey(row.session),
    agentId,
    toolName,
    toolCallId,
    summary,
    status: row.status,
    priority,
    createdAt: row.created_at,
    startedAt: row.started_at,
    updatedAt: row.updated_at,
    completedAt: row.completed_at,
    deadlineAt: row.deadline_at,
    progress: readPart(row, "its progress", () => orNull(row.progress, JSON.parse)),
    error: readPart(row, "its error", () => orNull(row.error, JSON.parse)),
    cancel: readPart(row, "its cancel", () => orNull(row.cancel, JSON.parse)),
    followUp: {
      status: row.follow_up_status,
      mode: row.follow_up_mode,
      attempts: row.follow_up_attempts,
      ...(row.follow_up_holds !== null && { holds: row.follow_up_holds }),
      reason: readPart(row, "its follow_up_reason", () => orNull(row.follow_up_reason, fromText)),
    },
    metadata,
    lastSeq: row.last_seq,
    version: row.version,
    owner: orNull(row.owner, fromKey),
    runs: row.runs,
    ...more,
    duplicateKey: orNull(row.duplicate_key, fromKey),
  };
}

// biome-ignore lint/suspicious/noExplicitAny: what is in it is looked at afterwards.
function toObject(text: string): any {
  const object = JSON.parse(text);
  if (!isObject(object)) throw new Error("That is no object.");
  return object;
}

/** Converts what there is; `null`, and `undefined` for what a patch does not name, stay. */
export function orNull<T, Out>(
  value: T,
  convert: (value: NonNullable<T>) => Out,
): Out | Extract<T, null | undefined> {
  return value === null || value === undefined
    ? (value as Extract<T, null | undefined>)
    : convert(value as NonNullable<T>);
}
