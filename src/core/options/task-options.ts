import type { FollowUpMode } from "../model/follow-up.ts";
import { duration, func, oneOf, whole } from "../values/kinds.ts";
import { option, readArgument, type Settings, type Table } from "../values/options.ts";

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

/** What may also be said of a tool, for all of its calls. */
export const EXECUTION = {
  deadlineMs: option(duration, Number.POSITIVE_INFINITY),
  summarize: option(func()),
  followUp: option(oneOf("when_idle", "interrupt", "silent"), "when_idle"),
  onDuplicate: option(oneOf("allow", "join", "reject"), "allow"),
} satisfies Table<Omit<TaskOptions, "priority">>;

export const TASK = {
  priority: option(whole(1, 10), 1),
  ...EXECUTION,
} satisfies Table<TaskOptions>;

/** How one execution is treated: the options of its tool or its task, with every default filled in. */
export interface ToolSettings extends Settings<typeof TASK> {
  /** Told the duration of the call, once it has settled. Never throws. */
  readonly observe: ((toolName: string, durationMs: number) => void) | undefined;
}

/** @throws `invalid_input`, naming the first unusable option */
export function taskSettings(options: TaskOptions): ToolSettings {
  return { ...readArgument(TASK, options, "options", "options."), observe: undefined };
}
