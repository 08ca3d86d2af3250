import type { StoredFollowUp } from "../../core/model/follow-up.ts";
import {
  type Idempotency,
  TASK_STATUSES,
  type TaskCancel,
  type TaskError,
  type TaskProgress,
  type TaskRecord,
} from "../../core/model/task.ts";
import {
  type Checks,
  hasFields,
  isCount,
  isNumber,
  isObject,
  isText,
  oneOf,
  orMissing,
  orNull,
  wrongField,
} from "./checks.ts";

/** Why what was read is no whole record; `undefined`: it is one. What 0.1.0 has written is whole. */
export function wrongWithRecord(value: unknown): string | undefined {
  const field = wrongField(value, RECORD);
  if (field === undefined) return undefined;
  return field === "" ? "it is no record" : `its ${field} is missing or wrong`;
}

export const FOLLOW_UP_STATUSES = ["none", "pending", "claimed", "delivered", "dropped"] as const;
const FOLLOW_UP_MODES = ["when_idle", "interrupt", "silent"];

const FOLLOW_UP: Checks<StoredFollowUp> = {
  status: oneOf(FOLLOW_UP_STATUSES),
  mode: orNull(oneOf(FOLLOW_UP_MODES)),
  attempts: isNumber,
  holds: orMissing(isNumber),
  reason: orNull(isText),
};
const PROGRESS: Checks<TaskProgress> = {
  value: orMissing(orNull(isNumber)),
  total: orMissing(orNull(isNumber)),
  message: orMissing(isText),
};
const ERROR: Checks<TaskError> = { code: isText, message: isText };
const IDEMPOTENCY: Checks<Idempotency> = { key: isText, digest: isText };
const CANCEL: Checks<TaskCancel> = { at: isNumber, by: isText, reason: orNull(isText) };

/** Whether that is the cancel of a record. */
export function isCancel(value: unknown): value is TaskCancel | null {
  return orNull(hasFields(CANCEL))(value);
}

const RECORD: Checks<TaskRecord> = {
  id: isText,
  userId: isText,
  sessionId: orNull(isText),
  agentId: orNull(isText),
  toolName: isText,
  toolCallId: isText,
  summary: isText,
  status: oneOf(TASK_STATUSES),
  priority: isNumber,
  createdAt: isNumber,
  startedAt: orNull(isNumber),
  updatedAt: isNumber,
  completedAt: orNull(isNumber),
  deadlineAt: orNull(isNumber),
  progress: orNull(hasFields(PROGRESS)),
  error: orNull(hasFields(ERROR)),
  cancel: isCancel,
  followUp: hasFields(FOLLOW_UP),
  metadata: orNull(isObject),
  lastSeq: isCount,
  version: isCount,
  owner: orNull(isText),
  runs: isCount,
  word: orMissing(isText),
  duplicateKey: orNull(isText),
  idempotency: orMissing(hasFields(IDEMPOTENCY)),
};
