import type { ToolCall } from "../model/call.ts";
import { ignorePromise, invalidOption, isDuration, shown } from "../values/validate.ts";
import { warn } from "../values/warn.ts";
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
  /** A map, since a tool may be called "constructor". Tools that were met without options are in it too. */
  readonly #byName = new Map<string, ToolPlan>();
  /** The names that have options, by their {@link spelling}. */
  readonly #spellings = new Map<string, string>();

  /** @throws `invalid_option` for the first unusable option of a tool */
  constructor({ timeoutMs, tools }: Pick<MiddlewareSettings, "timeoutMs" | "tools">, failed: PolicyFailed) {
    this.#failed = failed;
    this.#policy = typeof timeoutMs === "object" ? timeoutMs : undefined;
    this.#timeoutMs = typeof timeoutMs === "object" ? DEFAULT_TIMEOUT_MS : timeoutMs;
    this.#others = this.#plan("", {});
    for (const [name, tool] of Object.entries(tools)) {
      this.#byName.set(name, this.#plan(name, tool));
      this.#spellings.set(spelling(name), name);
    }
  }

  of(toolName: string): ToolPlan {
    return this.#byName.get(toolName) ?? this.#meet(toolName);
  }

  /** Milliseconds that a call is waited for. */
  timeoutFor(plan: ToolPlan, call: ToolCall): number {
    if (plan.mode === "never") return Number.POSITIVE_INFINITY;
    if (plan.timeoutMs !== undefined) return plan.timeoutMs;
    return this.#policy === undefined ? this.#timeoutMs : this.#askPolicy(this.#policy, call);
  }

  /** A tool that has no options, when it is called for the first time: somebody may have misspelt them. */
  #meet(toolName: string): ToolPlan {
    if (this.#spellings.size === 0 || this.#byName.size >= MOST_NAMES) return this.#others;
    const alike = this.#spellings.get(spelling(toolName));
    if (alike !== undefined) warnOf(toolName, alike);
    this.#byName.set(toolName, this.#others);
    return this.#others;
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

/** More than that are not looked at: whoever makes up names for tools must not fill the memory. */
const MOST_NAMES = 10_000;

/** What the names have in common that frameworks and people write for one tool: `webSearch`, `Web-Search`. */
function spelling(toolName: string): string {
  return toolName.toLowerCase().replace(/[\s_\-.:/]+/g, "");
}

function warnOf(toolName: string, alike: string): void {
  warn(
    `The tool ${shown(toolName)} has no options, though ${shown(alike)} has.`,
    "They are found by the name as it stands in a call: spell both alike.",
  );
}

/** Is told when a host's policy threw, or returned no duration. */
type PolicyFailed = (toolName: string, error: unknown) => void;
