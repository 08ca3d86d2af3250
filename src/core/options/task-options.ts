import type { FollowUpMode } from "../model/follow-up.ts";
import { anything, duration, func, name, oneOf, whole } from "../values/kinds.ts";
import { option, readArgument, type Settings, type Table } from "../values/options.ts";
import { invalidInput } from "../values/validate.ts";

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

/** How `start` treats one task. */
export interface StartOptions extends Omit<TaskOptions, "followUp"> {
  /** `"none"`: the result does not come back. @default "when_idle" */
  followUp?: FollowUpMode | "none" | undefined;
  /**
   * Makes it safe to ask again, from any process, whatever has become of the first time: whoever starts the same under
   * the same key gets the task that there is, also when it has ended, for as long as it is kept. Keys are a user's own.
   * At most 256 characters; not along with `onDuplicate`.
   */
  idempotencyKey?: string | undefined;
  /**
   * What must be the same under the same key, beside the names of the tool and of the session.
   * @default the input
   */
  idempotencyBody?: unknown;
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

const START = {
  ...TASK,
  followUp: option(oneOf("when_idle", "interrupt", "silent", "none"), "when_idle"),
  idempotencyKey: option(name),
  idempotencyBody: option(anything),
} satisfies Table<StartOptions>;

/** How one execution is treated: the options of its tool or its task, with every default filled in. */
export interface ToolSettings extends Omit<Settings<typeof TASK>, "followUp"> {
  readonly followUp: FollowUpMode | "none";
  /** Told the duration of the call, once it has settled. Never throws. */
  readonly observe: ((toolName: string, durationMs: number) => void) | undefined;
}

/** @throws `invalid_input`, naming the first unusable option */
export function taskSettings(options: TaskOptions): ToolSettings {
  return { ...readArgument(TASK, options, "options", "options."), observe: undefined };
}

/** How a task is started: as any other is treated, and what it is asked for under. */
export interface StartSettings extends ToolSettings {
  readonly idempotencyKey: string | undefined;
  readonly idempotencyBody: unknown;
}

/** @throws `invalid_input`, naming the first unusable option */
export function startSettings(options: StartOptions): StartSettings {
  const settings = readArgument(START, options, "options", "options.");
  const { idempotencyKey, onDuplicate } = settings;
  if (idempotencyKey === undefined || onDuplicate === "allow") return { ...settings, observe: undefined };
  throw invalidInput("options.onDuplicate", '"allow" where there is an idempotencyKey', onDuplicate);
}
