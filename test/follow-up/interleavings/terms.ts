import type { FollowUpMode } from "../../../src/core/model/follow-up.ts";
import type { TaskScope } from "../../../src/index.ts";

export const MAX_ATTEMPTS = 2;
export const MAX_TURNS = 2;
export const HOLD_MS = 200;
export const LEASE_MS = 120;
export const GRACE_MS = 30;
/** After which a task whose process has crashed is lost. */
export const TASK_LEASE_MS = 600;
/** Short enough for every timer to be met, and every store to answer, before the next step. */
export const STEP_MS = 20;

export const TERMS = { maxAttempts: MAX_ATTEMPTS, leaseMs: LEASE_MS };
export const BEAT = {
  coalesceMs: 10,
  deliverTimeoutMs: HOLD_MS,
  retryMs: 20,
  maxRetryMs: 40,
  busyRetryMs: 20,
  pollMs: 50,
};

/** The modes that wake a session. */
export const WAKING: readonly FollowUpMode[] = ["when_idle", "interrupt"];
export const MODES: readonly FollowUpMode[] = [...WAKING, "silent"];

export const SCOPES: [TaskScope, ...TaskScope[]] = [
  { userId: "ada", sessionId: "s1" },
  { userId: "ada" },
  { userId: "ada", sessionId: "s2" },
  { userId: "bob", sessionId: "s1" },
];
