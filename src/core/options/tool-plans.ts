import type { ToolCall } from "../model/call.ts";
import {
  checkDuration,
  checkFunction,
  checkNames,
  checkOneOf,
  ignorePromise,
  invalidOption,
  isDuration,
} from "../values/validate.ts";
import {
  checkToolOptions,
  DEFAULTS,
  type MiddlewareOptions,
  type TimeoutPolicy,
  type ToolOptions,
} from "./options.ts";
import { type ToolSettings, toolSettings } from "./tool-settings.ts";

/** How the calls of one tool are treated. */
export interface ToolPlan {
  readonly mode: "auto" | "always" | "never";
  /** `undefined`: the middleware's. */
  readonly timeoutMs: number | undefined;
  readonly settings: ToolSettings;
}

/** The plan of each tool, and how long a call is waited for. */
export class ToolPlans {
  readonly #timeoutMs: number;
  readonly #policy: TimeoutPolicy | undefined;
  readonly #failed: PolicyFailed;
  readonly #others: ToolPlan;
  /** A map, since a tool may be called "constructor". */
  readonly #byName = new Map<string, ToolPlan>();

  constructor(options: Pick<MiddlewareOptions<unknown>, "timeoutMs" | "tools">, failed: PolicyFailed) {
    const { timeoutMs = DEFAULTS.timeoutMs, tools = {} } = options;
    this.#failed = failed;
    this.#policy = typeof timeoutMs === "object" ? checkedPolicy(timeoutMs) : undefined;
    this.#timeoutMs = typeof timeoutMs === "object" ? DEFAULTS.timeoutMs : timeoutMs;
    checkDuration("timeoutMs", this.#timeoutMs);
    if (typeof tools !== "object" || tools === null) throw invalidOption("tools", "an object", tools);
    this.#others = this.#plan({});
    for (const [name, tool] of Object.entries(tools)) {
      checkToolOptions(`tools.${name}`, tool);
      this.#byName.set(name, this.#plan(tool));
    }
  }

  of(toolName: string): ToolPlan {
    return this.#byName.get(toolName) ?? this.#others;
  }

  /** Milliseconds that a call is waited for. */
  timeoutFor(plan: ToolPlan, call: ToolCall): number {
    if (plan.mode === "never") return Number.POSITIVE_INFINITY;
    if (plan.timeoutMs !== undefined) return plan.timeoutMs;
    return this.#policy === undefined ? this.#timeoutMs : this.#askPolicy(this.#policy, call);
  }

  #askPolicy(policy: TimeoutPolicy, { toolName, input, scope }: ToolCall): number {
    try {
      const timeoutMs: unknown = policy.timeoutMs({ toolName, input, scope: { ...scope } });
      if (isDuration(timeoutMs)) return timeoutMs;
      ignorePromise(timeoutMs);
      throw invalidOption("TimeoutPolicy.timeoutMs()", "milliseconds, 0 or more", timeoutMs);
    } catch (error) {
      this.#failed(toolName, error);
      return this.#timeoutMs;
    }
  }

  #plan(tool: ToolOptions): ToolPlan {
    const { mode = "auto", timeoutMs } = tool;
    return { mode, timeoutMs, settings: toolSettings(tool, this.#observer()) };
  }

  /** A policy that fails to learn must not fail the call. */
  #observer(): ToolSettings["observe"] {
    const policy = this.#policy;
    if (policy?.observe === undefined) return undefined;
    return (toolName, durationMs) => {
      const failed = (error: unknown) => this.#failed(toolName, error);
      try {
        ignorePromise(policy.observe?.(toolName, durationMs), failed);
      } catch (error) {
        failed(error);
      }
    };
  }
}

/** Is told when a host's policy threw, or returned no duration. */
type PolicyFailed = (toolName: string, error: unknown) => void;

function checkedPolicy(policy: TimeoutPolicy | null): TimeoutPolicy {
  if (policy === null) throw invalidOption("timeoutMs", "milliseconds or a TimeoutPolicy", policy);
  checkFunction("timeoutMs.timeoutMs", policy.timeoutMs);
  if (policy.observe !== undefined) checkFunction("timeoutMs.observe", policy.observe);
  return policy;
}

const MIDDLEWARE_OPTIONS = ["tasks", "timeoutMs", "tools", "onTurnAbort", "placeholder"];

/** Throws for the first unusable option that is not about single tools. */
export function checkMiddlewareOptions(options: MiddlewareOptions<unknown>): void {
  checkNames("", options, MIDDLEWARE_OPTIONS);
  const { onTurnAbort, placeholder } = options;
  if (onTurnAbort !== undefined) checkOneOf("onTurnAbort", onTurnAbort, ["cancel", "offload"]);
  if (placeholder !== undefined) checkFunction("placeholder", placeholder);
}
