import type { FollowUpMode } from "../model/follow-up.ts";
import { DEFAULTS, type TaskOptions } from "./options.ts";

/** How one execution is treated: the options of its tool, with every default filled in. */
export interface ToolSettings {
  readonly priority: number;
  readonly deadlineMs: number;
  readonly followUp: FollowUpMode;
  readonly onDuplicate: "allow" | "join" | "reject";
  readonly summarize: ((input: unknown) => string) | undefined;
  /** Told the duration of the call, once it has settled. Never throws. */
  readonly observe: ((toolName: string, durationMs: number) => void) | undefined;
}

export function toolSettings(options: TaskOptions, observe?: ToolSettings["observe"]): ToolSettings {
  return {
    priority: options.priority ?? DEFAULTS.priority,
    deadlineMs: options.deadlineMs ?? Number.POSITIVE_INFINITY,
    followUp: options.followUp ?? "when_idle",
    onDuplicate: options.onDuplicate ?? "allow",
    summarize: options.summarize,
    observe,
  };
}
