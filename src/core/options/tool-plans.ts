import type { ToolCall } from "../model/call.ts";
import { ignorePromise, invalidOption, isDuration } from "../values/validate.ts";
import {
  DEFAULT_TIMEOUT_MS,
  type MiddlewareSettings,
  type TimeoutPolicy,
  type ToolOptions,
  toolOptions,
} from "./middleware-options.ts";
import { TASK, type ToolSettings } from "./task-options.ts";

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

  /** @throws `invalid_option` for the first unusable option of a tool */
  constructor({ timeoutMs, tools }: Pick<MiddlewareSettings, "timeoutMs" | "tools">, failed: PolicyFailed) {
    this.#failed = failed;
    this.#policy = typeof timeoutMs === "object" ? timeoutMs : undefined;
    this.#timeoutMs = typeof timeoutMs === "object" ? DEFAULT_TIMEOUT_MS : timeoutMs;
    this.#others = this.#plan("", {});
    for (const [name, tool] of Object.entries(tools)) this.#byName.set(name, this.#plan(name, tool));
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

  #plan(name: string, options: ToolOptions): ToolPlan {
    const { mode, timeoutMs, ...own } = toolOptions(name, options);
    const settings = { priority: TASK.priority.fallback, ...own, observe: this.#observer() };
    return { mode, timeoutMs, settings };
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
