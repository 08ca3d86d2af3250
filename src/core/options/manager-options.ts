import { type DurableTool, durableTools } from "../model/known-tool.ts";
import type { TaskStore } from "../model/store.ts";
import { type Clock, clock, systemClock } from "../time/clock.ts";
import { duration, func, limit, methods, oneOf, wait } from "../values/kinds.ts";
import { group, needed, option, readOptions, type Settings, type Table } from "../values/options.ts";
import type { Redact } from "../values/redact.ts";

/** How many tasks may run and wait. `Infinity`: no limit. */
export interface LimitOptions {
  /** Running in this process. @default 1_000 */
  running?: number | undefined;
  /** Running for one user, in the store. @default 200 */
  runningPerUser?: number | undefined;
  /** Running for one session, in the store. @default 100 */
  runningPerSession?: number | undefined;
  /** Queued for one user, in the store. @default 1_000 */
  queuedPerUser?: number | undefined;
}

export const LIMITS = {
  running: option(limit(1), 1_000),
  runningPerUser: option(limit(1), 200),
  runningPerSession: option(limit(1), 100),
  queuedPerUser: option(limit(1), 1_000),
} satisfies Table<LimitOptions>;

/** How long finished tasks are kept. A task whose follow-up is outstanding stays beside these counts. */
export interface RetentionOptions {
  /** The newest finished tasks kept for each user, by completion. @default 50 */
  finishedPerUser?: number | undefined;
  /** Milliseconds after its completion that a finished task is kept. @default 86_400_000 */
  finishedTtlMs?: number | undefined;
  /** Milliseconds that an outstanding follow-up is kept. @default 604_800_000 */
  followUpTtlMs?: number | undefined;
  /** Outstanding follow-ups kept for each user. @default 200 */
  followUpsPerUser?: number | undefined;
}

export const RETENTION = {
  finishedPerUser: option(limit(0), 50),
  finishedTtlMs: option(duration, 86_400_000),
  followUpTtlMs: option(duration, 604_800_000),
  followUpsPerUser: option(limit(0), 200),
} satisfies Table<RetentionOptions>;

export interface ManagerOptions {
  store: TaskStore;
  limits?: LimitOptions | undefined;
  retention?: RetentionOptions | undefined;
  /** UTF-8 bytes of a result that are kept, `lossy` included; of a larger one, its head and its tail. @default 1_048_576 */
  maxResultBytes?: number | undefined;
  /** Milliseconds a cancelled tool has to end by itself. @default 2_000 */
  cancelGraceMs?: number | undefined;
  /** Milliseconds after which a store that has not answered has failed. @default 2_000 */
  storeTimeoutMs?: number | undefined;
  /**
   * Milliseconds after which the tasks of a process that has died are taken for lost. At least 100.
   * @default 30_000
   */
  leaseMs?: number | undefined;
  /** One unfinished task at a time in a session; a second is refused with code `conflict`. */
  exclusive?: "session" | undefined;
  /** Whether results find their way back to the agent. @default true */
  followUps?: boolean | undefined;
  /**
   * Another process brings results back, or this one does it without a dispatcher or an inbox: nobody need be warned
   * that here nothing does. @default false
   */
  deliveredElsewhere?: boolean | undefined;
  /** Tools that another process may start again when the one that runs them dies, by name. */
  tools?: Record<string, DurableTool> | undefined;
  /**
   * Asked what to show, beside the built-in masking: for each property of a summary, for the text of an error
   * (`message`) and of a cancel (`reason`).
   */
  redact?: Redact | undefined;
  /** Where time comes from; replace it to simulate. */
  clock?: Clock | undefined;
}

const STORE_METHODS = [
  "insert",
  "get",
  "list",
  "transition",
  "admit",
  "append",
  "events",
  "result",
  "renew",
  "lapsed",
  "claim",
  "settle",
  "sweep",
  "close",
] as const;

export const MANAGER = {
  store: needed(methods("a TaskStore", STORE_METHODS)),
  limits: group(LIMITS),
  retention: group(RETENTION),
  maxResultBytes: option(limit(1), 1_048_576),
  cancelGraceMs: option(duration, 2_000),
  storeTimeoutMs: option(duration, 2_000),
  leaseMs: option(wait(100), 30_000),
  exclusive: option(oneOf("session")),
  followUps: option(oneOf(true, false), true),
  deliveredElsewhere: option(oneOf(true, false), false),
  tools: option(durableTools, {}),
  redact: option(func()),
  clock: option(clock, systemClock),
} satisfies Table<ManagerOptions>;

/** Manager options with every default filled in. @throws `invalid_option` for the first unusable one */
export function managerSettings(options: ManagerOptions): Settings<typeof MANAGER> {
  return readOptions(MANAGER, options);
}
