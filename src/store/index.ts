/** What it takes to write a store of one's own: the contract, and everything that goes through it. */
export {
  type ChangedTask,
  type Changes,
  type ChangesQuery,
  type KnownTask,
  LATELY_MS,
} from "../core/model/changes.ts";
export type { NewTaskEvent, TaskEvent, TaskEventBody } from "../core/model/events.ts";
export {
  type FollowUpDropReason,
  type FollowUpMode,
  type FollowUpStatus,
  isOutstanding,
  type StoredFollowUp,
} from "../core/model/follow-up.ts";
export type { TaskPatch } from "../core/model/lifecycle.ts";
export type { StoredResult } from "../core/model/result.ts";
export type {
  ClaimFilter,
  ClaimKey,
  Held,
  Hold,
  Prolonged,
  SessionClaim,
  SessionHint,
  SessionKey,
  Settlement,
  Settlements,
  TurnBy,
} from "../core/model/session-claim.ts";
export {
  type Damage,
  type Duplicate,
  type EventPage,
  type EventQuery,
  hintOf,
  type Inserted,
  type Insertion,
  type LimitName,
  type ListQuery,
  type NewTask,
  type Payload,
  type RecordPage,
  type Refused,
  type Renewal,
  type Repeated,
  type RetentionLimits,
  RING_CHARS,
  RING_EVENTS,
  type StoreHint,
  type Sweep,
  type TaskChange,
  type TaskHint,
  type TaskKey,
  type TaskLimits,
  type TaskStore,
} from "../core/model/store.ts";
export {
  type Idempotency,
  inScope,
  isFinished,
  isNewer,
  type TaskCancel,
  type TaskError,
  type TaskPlace,
  type TaskProgress,
  type TaskRecord,
  type TaskScope,
  type TaskStatus,
} from "../core/model/task.ts";
export { parseHint } from "../stores/shared/check-hint.ts";
