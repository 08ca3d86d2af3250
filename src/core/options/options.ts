import type { FollowUpMode } from "../model/follow-up.ts";
import type { DurableTool } from "../model/known-tool.ts";
import type { TaskStore } from "../model/store.ts";
import type { TaskInfo, TaskScope } from "../model/task.ts";
import type { Clock } from "../time/clock.ts";
import type { Redact } from "../values/redact.ts";
import {
  checkDuration,
  checkFunction,
  checkLimit,
  checkNames,
  checkOneOf,
  checkWait,
  invalidInput,
  invalidOption,
  isDuration,
} from "../values/validate.ts";

/** How many tasks may run and wait. `Infinity`: no limit. */
export interface LimitOptions {
  /** Running in this process. @default 1_000 */
  running?: number | undefined;
  /** Running for one user, in the store. @default 50 */
  runningPerUser?: number | undefined;
  /** Running for one session, in the store. @default 20 */
  runningPerSession?: number | undefined;
  /** Queued for one user, in the store. @default 1_000 */
  queuedPerUser?: number | undefined;
}

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

export interface ManagerOptions {
  store: TaskStore;
  limits?: LimitOptions | undefined;
  retention?: RetentionOptions | undefined;
  /** UTF-8 bytes of a result that are kept; of a larger one, its head and its tail. @default 1_048_576 */
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
  /** Tools that another process may start again when the one that runs them dies, by name. */
  tools?: Record<string, DurableTool> | undefined;
  /** Asked for each property a summary shows, beside the built-in masking; answers what to show instead. */
  redact?: Redact | undefined;
  /** Where time comes from; replace it to simulate. */
  clock?: Clock | undefined;
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
  timeoutMs?: number | undefined;
  /** `auto` races, `always` starts in the background, `never` waits however long. @default "auto" */
  mode?: "auto" | "always" | "never" | undefined;
  /** Milliseconds after which a call is ended, the foreground included. @default Infinity */
  deadlineMs?: number | undefined;
  /** The text that stands for a call in lists. It is cleaned and cut like the built-in one. */
  summarize?(input: unknown): string;
  /** @default "when_idle" */
  followUp?: FollowUpMode | undefined;
  /** What a call does that equals one still running in its session. @default "allow" */
  onDuplicate?: "allow" | "join" | "reject" | undefined;
}

export interface MiddlewareOptions<Tasks> {
  tasks: Tasks;
  /** Milliseconds a call is waited for. 0: offload at once; `Infinity`: never. @default 10_000 */
  timeoutMs?: number | TimeoutPolicy | undefined;
  /** Options for single tools, by name. */
  tools?: Record<string, ToolOptions> | undefined;
  /** What the turn's abort does to a call in the foreground. @default "cancel" */
  onTurnAbort?: "cancel" | "offload" | undefined;
  /** What the model is told instead of the result. */
  placeholder?: ((task: TaskInfo) => string) | undefined;
}

/** How `start` and `adopt` treat one task. */
export interface TaskOptions {
  /** 1 to 10; 10 goes first. @default 1 */
  priority?: number | undefined;
  /** Milliseconds after its start at which the task is ended. @default Infinity */
  deadlineMs?: number | undefined;
  summarize?(input: unknown): string;
  /** @default "when_idle" */
  followUp?: FollowUpMode | undefined;
  /** @default "allow" */
  onDuplicate?: "allow" | "join" | "reject" | undefined;
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
  leaseMs: 30_000,
  drainMs: 5_000,
  priority: 1,
  listLimit: 50,
  eventLimit: 1_000,
} as const;

/** Manager options with every default filled in; throws `invalid_option` for the first unusable one. */
export function managerSettings(options: ManagerOptions) {
  const limits = { ...DEFAULTS.limits, ...defined(options.limits, "limits") };
  const retention = { ...DEFAULTS.retention, ...defined(options.retention, "retention") };
  const { maxResultBytes, cancelGraceMs, storeTimeoutMs, leaseMs } = {
    ...DEFAULTS,
    ...defined(options, "options"),
  };
  checkNames("", options, MANAGER_OPTIONS);
  checkNames("limits.", options.limits ?? {}, Object.keys(DEFAULTS.limits));
  checkNames("retention.", options.retention ?? {}, Object.keys(DEFAULTS.retention));
  checkMethods("store", "a TaskStore", options.store, STORE_METHODS);
  for (const name of keysOf(LEAST_LIMIT)) checkLimit(`limits.${name}`, limits[name], LEAST_LIMIT[name]);
  checkLimit("retention.finishedPerUser", retention.finishedPerUser, 0);
  checkLimit("retention.followUpsPerUser", retention.followUpsPerUser, 0);
  checkDuration("retention.finishedTtlMs", retention.finishedTtlMs);
  checkDuration("retention.followUpTtlMs", retention.followUpTtlMs);
  checkLimit("maxResultBytes", maxResultBytes, 1);
  checkDuration("cancelGraceMs", cancelGraceMs);
  checkDuration("storeTimeoutMs", storeTimeoutMs);
  checkWait("leaseMs", leaseMs, LEAST_LEASE_MS);
  if (options.exclusive !== undefined) checkOneOf("exclusive", options.exclusive, ["session"]);
  if (options.followUps !== undefined) checkOneOf("followUps", options.followUps, [true, false]);
  if (options.redact !== undefined) checkFunction("redact", options.redact);
  if (options.clock !== undefined) checkMethods("clock", "a Clock", options.clock, CLOCK_METHODS);
  return { limits, retention, maxResultBytes, cancelGraceMs, storeTimeoutMs, leaseMs };
}

/** Throws `invalid_option` naming the first unusable option of a tool. */
export function checkToolOptions(name: string, options: ToolOptions): void {
  if (typeof options !== "object" || options === null) throw invalidOption(name, "an object", options);
  checkNames(`${name}.`, options, TOOL_OPTIONS);
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

const LEAST_LEASE_MS = 100;
const LEAST_LIMIT = { running: 1, runningPerUser: 1, runningPerSession: 1, queuedPerUser: 1 } as const;
const MANAGER_OPTIONS = [
  "store",
  "limits",
  "retention",
  "maxResultBytes",
  "cancelGraceMs",
  "storeTimeoutMs",
  "leaseMs",
  "exclusive",
  "followUps",
  "tools",
  "redact",
  "clock",
];
const TOOL_OPTIONS = ["timeoutMs", "mode", "deadlineMs", "summarize", "followUp", "onDuplicate"];
const CLOCK_METHODS = ["now", "setTimeout", "clearTimeout", "nextPass"];
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
];

const FOLLOW_UP_MODES = ["when_idle", "interrupt", "silent"];
const ON_DUPLICATE = ["allow", "join", "reject"];

function isPriority(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 10;
}

function isOneOf(value: unknown, allowed: readonly unknown[]): boolean {
  return allowed.includes(value);
}

function checkMethods(option: string, what: string, value: unknown, methods: readonly string[]): void {
  const given = (value ?? {}) as Record<string, unknown>;
  const missing = methods.find((name) => typeof given[name] !== "function");
  if (missing) throw invalidOption(option, `${what} with a method "${missing}"`, value);
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
