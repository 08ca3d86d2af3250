import type { FollowUpMode } from "../model/follow-up.ts";
import type { TaskInfo, TaskScope } from "../model/task.ts";
import { anything, duration, func, type Kind, object, oneOf } from "../values/kinds.ts";
import { needed, option, readOptions, type Settings, type Table } from "../values/options.ts";
import { EXECUTION } from "./task-options.ts";

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

const TOOL = {
  timeoutMs: option(duration),
  mode: option(oneOf("auto", "always", "never"), "auto"),
  ...EXECUTION,
} satisfies Table<ToolOptions>;

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

/** Milliseconds a call is waited for, where nobody says otherwise or a policy fails. */
export const DEFAULT_TIMEOUT_MS = 10_000;

const MIDDLEWARE = {
  tasks: needed(anything),
  timeoutMs: option(timeout, DEFAULT_TIMEOUT_MS),
  tools: option(object<Record<string, ToolOptions>>(), {}),
  onTurnAbort: option(oneOf("cancel", "offload"), "cancel"),
  placeholder: option(func()),
} satisfies Table<MiddlewareOptions<unknown>>;

export type MiddlewareSettings = Settings<typeof MIDDLEWARE>;

/** Every default filled in, but for `tools`: see {@link toolOptions}. @throws `invalid_option` */
export function middlewareSettings(options: MiddlewareOptions<unknown>): MiddlewareSettings {
  return readOptions(MIDDLEWARE, options);
}

/** The options of one tool with every default filled in. @throws `invalid_option` */
export function toolOptions(name: string, options: ToolOptions): Settings<typeof TOOL> {
  return readOptions(TOOL, options, `tools.${name}`, `tools.${name}.`);
}

/** Milliseconds, or what tells them. A policy is the host's own object, and may be of a class. */
function timeout(...[value, name, code]: Parameters<Kind<unknown>>): number | TimeoutPolicy {
  if (typeof value !== "object") return duration(value, name, code);
  const policy = object<TimeoutPolicy>("milliseconds or a TimeoutPolicy")(value, name, code);
  func()(policy.timeoutMs, `${name}.timeoutMs`, code);
  if (policy.observe !== undefined) func()(policy.observe, `${name}.observe`, code);
  return policy;
}
