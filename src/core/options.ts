import type { Clock } from "./clock.ts";
import type { FollowUpMode } from "./follow-up.ts";
import type { TaskStore } from "./store.ts";
import type { TaskInfo, TaskScope } from "./task.ts";
import type { Redact } from "./values/redact.ts";
import {
  checkDuration,
  checkFunction,
  checkLimit,
  checkOneOf,
  invalidInput,
  invalidOption,
  isDuration,
} from "./values/validate.ts";

/** How many tasks may run and wait. `Infinity`: no limit. */
export interface LimitOptions {
  /** Running in this process. @default 1_000 */
  running?: number;
  /** Running for one user, in the store. @default 50 */
  runningPerUser?: number;
  /** Running for one session, in the store. @default 20 */
  runningPerSession?: number;
  /** Queued for one user, in the store. @default 1_000 */
  queuedPerUser?: number;
}

/** How long finished tasks are kept. A task whose follow-up is outstanding stays beside these counts. */
export interface RetentionOptions {
  /** The newest finished tasks kept for each user, by completion. @default 50 */
  finishedPerUser?: number;
  /** Milliseconds after its completion that a finished task is kept. @default 86_400_000 */
  finishedTtlMs?: number;
  /** Milliseconds that an outstanding follow-up is kept. @default 604_800_000 */
  followUpTtlMs?: number;
  /** Outstanding follow-ups kept for each user. @default 200 */
  followUpsPerUser?: number;
}

export interface ManagerOptions {
  store: TaskStore;
  limits?: LimitOptions;
  retention?: RetentionOptions;
  /** UTF-8 bytes of a result that are kept; of a larger one, its head and its tail. @default 1_048_576 */
  maxResultBytes?: number;
  /** Milliseconds a cancelled tool has to end by itself. @default 2_000 */
  cancelGraceMs?: number;
  /** Milliseconds after which a store that has not answered has failed. @default 2_000 */
  storeTimeoutMs?: number;
  /** One unfinished task at a time in a session; a second is refused with code `conflict`. */
  exclusive?: "session";
  /** Whether results find their way back to the agent. @default true */
  followUps?: boolean;
  /** Asked for each property a summary shows, beside the built-in masking; answers what to show instead. */
  redact?: Redact;
  /** Where time comes from; replace it to simulate. */
  clock?: Clock;
}

/** Decides how long a call is waited for, and learns from how long each took. */
export interface TimeoutPolicy {
  /** Milliseconds; `Infinity`: never offload. Anything unusable falls back to the default, with an event. */
  timeoutMs(call: { toolName: string; input: unknown; scope: TaskScope }): number;
  /** Told how long a call ran, whether in the foreground or the background, whatever its outcome. */
  observe?(toolName: string, durationMs: number): void;
}

/** How the calls of one tool are treated. */
export interface ToolOptions {
  /** Milliseconds a call is waited for. @default the middleware's */
  timeoutMs?: number;
  /** `auto` races, `always` starts in the background, `never` waits however long. @default "auto" */
  mode?: "auto" | "always" | "never";
  /** Milliseconds after which a call is ended, the foreground included. @default Infinity */
  deadlineMs?: number;
  /** The text that stands for a call in lists. It is cleaned and cut like the built-in one. */
  summarize?(input: unknown): string;
  /** @default "when_idle" */
  followUp?: FollowUpMode;
  /** What a call does that equals one still running in its session. @default "allow" */
  onDuplicate?: "allow" | "join" | "reject";
}

export interface MiddlewareOptions<Tasks> {
  tasks: Tasks;
  /** Milliseconds a call is waited for. 0: offload at once; `Infinity`: never. @default 10_000 */
  timeoutMs?: number | TimeoutPolicy;
  /** Options for single tools, by name. */
  tools?: Record<string, ToolOptions>;
  /** What the turn's abort does to a call in the foreground. @default "cancel" */
  onTurnAbort?: "cancel" | "offload";
  /** What the model is told instead of the result. */
  placeholder?: (task: TaskInfo) => string;
}

/** How `start` and `adopt` treat one task. */
export interface TaskOptions {
  /** 1 to 10; 10 goes first. @default 1 */
  priority?: number;
  /** Milliseconds after its start at which the task is ended. @default Infinity */
  deadlineMs?: number;
  summarize?(input: unknown): string;
  /** @default "when_idle" */
  followUp?: FollowUpMode;
  /** @default "allow" */
  onDuplicate?: "allow" | "join" | "reject";
}

/** Every default of this library. */
export const DEFAULTS = {
  timeoutMs: 10_000,
  limits: { running: 1_000, runningPerUser: 50, runningPerSession: 20, queuedPerUser: 1_000 },
  retention: {
    finishedPerUser: 50,
    finishedTtlMs: 86_400_000,
    followUpTtlMs: 604_800_000,
    followUpsPerUser: 200,
  },
  maxResultBytes: 1_048_576,
  cancelGraceMs: 2_000,
  storeTimeoutMs: 2_000,
  drainMs: 5_000,
  priority: 1,
  listLimit: 50,
  eventLimit: 1_000,
} as const;

const LEAST_LIMIT = { running: 1, runningPerUser: 1, runningPerSession: 1, queuedPerUser: 0 } as const;
const STORE_METHODS = ["insert", "get", "list", "transition", "admit", "append", "events", "result"] as const;

/** Manager options with every default filled in; throws `invalid_option` for the first unusable one. */
export function managerSettings(options: ManagerOptions) {
  const limits = { ...DEFAULTS.limits, ...defined(options.limits, "limits") };
  const retention = { ...DEFAULTS.retention, ...defined(options.retention, "retention") };
  const { maxResultBytes, cancelGraceMs, storeTimeoutMs } = { ...DEFAULTS, ...defined(options, "options") };
  checkStore(options.store);
  for (const name of keysOf(LEAST_LIMIT)) checkLimit(`limits.${name}`, limits[name], LEAST_LIMIT[name]);
  checkLimit("retention.finishedPerUser", retention.finishedPerUser, 0);
  checkLimit("retention.followUpsPerUser", retention.followUpsPerUser, 0);
  checkDuration("retention.finishedTtlMs", retention.finishedTtlMs);
  checkDuration("retention.followUpTtlMs", retention.followUpTtlMs);
  checkLimit("maxResultBytes", maxResultBytes, 1);
  checkDuration("cancelGraceMs", cancelGraceMs);
  checkDuration("storeTimeoutMs", storeTimeoutMs);
  if (options.exclusive !== undefined) checkOneOf("exclusive", options.exclusive, ["session"]);
  if (options.followUps !== undefined) checkOneOf("followUps", options.followUps, [true, false]);
  if (options.redact !== undefined) checkFunction("redact", options.redact);
  return { limits, retention, maxResultBytes, cancelGraceMs, storeTimeoutMs };
}

/** Throws `invalid_option` naming the first unusable option of a tool. */
export function checkToolOptions(name: string, options: ToolOptions): void {
  if (typeof options !== "object" || options === null) throw invalidOption(name, "an object", options);
  if (options.timeoutMs !== undefined) checkDuration(`${name}.timeoutMs`, options.timeoutMs);
  if (options.mode !== undefined) checkOneOf(`${name}.mode`, options.mode, ["auto", "always", "never"]);
  checkTaskOptions(name, options, invalidOption);
}

/** Throws naming the first unusable option of a task. */
export function checkTaskOptions(name: string, options: TaskOptions, error = invalidInput): void {
  const { priority, deadlineMs, summarize, followUp, onDuplicate } = options;
  const check = (option: string, ok: boolean, wanted: string, value: unknown) => {
    if (value !== undefined && !ok) throw error(`${name}.${option}`, wanted, value);
  };
  check("priority", isPriority(priority), "a whole number from 1 to 10", priority);
  check("deadlineMs", isDuration(deadlineMs), "milliseconds, 0 or more (Infinity: never)", deadlineMs);
  check("summarize", typeof summarize === "function", "a function", summarize);
  check(
    "followUp",
    isOneOf(followUp, FOLLOW_UP_MODES),
    'one of "when_idle", "interrupt", "silent"',
    followUp,
  );
  check("onDuplicate", isOneOf(onDuplicate, ON_DUPLICATE), 'one of "allow", "join", "reject"', onDuplicate);
}

const FOLLOW_UP_MODES = ["when_idle", "interrupt", "silent"];
const ON_DUPLICATE = ["allow", "join", "reject"];

function isPriority(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 10;
}

function isOneOf(value: unknown, allowed: readonly unknown[]): boolean {
  return allowed.includes(value);
}

function checkStore(store: unknown): void {
  const missing = STORE_METHODS.find((name) => typeof (store as TaskStore | null)?.[name] !== "function");
  if (missing) throw invalidOption("store", `a TaskStore with a method "${missing}"`, store);
}

/** The given options without those that are `undefined`, which must not hide a default. */
function defined<T extends object>(
  options: T | undefined,
  name: string,
): { [K in keyof T]-?: NonNullable<T[K]> } {
  if (options !== undefined && (typeof options !== "object" || options === null)) {
    throw invalidOption(name, "an object", options);
  }
  const entries = Object.entries(options ?? {}).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]-?: NonNullable<T[K]> };
}

function keysOf<T extends object>(object: T): (keyof T & string)[] {
  return Object.keys(object) as (keyof T & string)[];
}
