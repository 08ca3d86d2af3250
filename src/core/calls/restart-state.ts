import { nanoid } from "nanoid";
import { TaskOffloadError } from "../errors.ts";
import type { ToolCall, ToolContext } from "../model/call.ts";
import type { KnownTool } from "../model/known-tool.ts";
import { type ToolView, textsOf } from "../model/view.ts";
import type { ToolSettings } from "../options/task-options.ts";
import { encode } from "../values/encode.ts";
import { atPlaces } from "../values/names.ts";

/** What makes one call restartable: its key, what it takes to make it again, its checkpoint. */
export class RestartState {
  /** The id of its task, if it becomes one. */
  readonly id: string;
  readonly attempts: number;
  /** The call as JSON; `undefined`: it cannot be made again, or is too large, and nothing is kept of it. */
  readonly kept: string | undefined;
  /** How its result is shown, if the call itself does not say it. */
  readonly view: ToolView | undefined;
  readonly #lastCheckpoint: unknown;
  #unwritten: string | undefined;
  #write: Write | undefined;
  #writing: Promise<unknown> = Promise.resolve();

  constructor({ input, deadlineMs, hasView }: Made, tool: KnownTool, legacy?: Legacy) {
    this.id = legacy?.id ?? nanoid();
    this.attempts = tool.attempts;
    this.kept = tool.isRestartable
      ? keptCall(input, deadlineMs, hasView || tool.view !== undefined)
      : undefined;
    this.view = tool.view ?? (legacy && hasView ? textsOf : undefined);
    this.#lastCheckpoint = legacy?.lastCheckpoint;
  }

  /** Whether every checkpoint is written that was asked for. */
  get written(): Promise<unknown> {
    return this.#writing;
  }

  /** Gives a context what durable tools need. */
  extend(context: ToolContext): void {
    Object.assign(context, {
      idempotencyKey: this.id,
      lastCheckpoint: this.#lastCheckpoint,
      checkpoint: (data: unknown) => this.#checkpoint(data),
    });
  }

  /** The call is a task: from now on checkpoints are written, first the one that waits. */
  attach(write: Write): void {
    if (this.kept === undefined) return;
    this.#write = write;
    const waiting = this.#unwritten;
    if (waiting !== undefined) this.#enqueue(waiting).catch(() => undefined);
  }

  async #checkpoint(data: unknown): Promise<void> {
    const json = checkpointJson(data);
    if (this.#write === undefined) this.#unwritten = json;
    else await this.#enqueue(json);
  }

  /** One after the other, so that the last one stays. */
  #enqueue(json: string): Promise<void> {
    const written = this.#writing.then(() => this.#write?.(json)).then(checkWritten);
    this.#writing = written.catch(() => undefined);
    return written;
  }
}

/** What a call of a known tool needs beside. */
export function restartStateOf(
  { toolName, input, view }: ToolCall,
  { deadlineMs }: ToolSettings,
  tools: ReadonlyMap<string, KnownTool>,
): RestartState | undefined {
  const tool = tools.size > 0 ? tools.get(toolName) : undefined;
  return tool && new RestartState({ input, deadlineMs, hasView: view !== undefined }, tool);
}

/** What was kept of a call. */
export function readKept(kept: string): { input: unknown; deadlineMs: number | undefined; hasView: boolean } {
  const { input, deadlineMs, hasView = false } = JSON.parse(kept) as KeptCall;
  return { input, deadlineMs: deadlineMs ?? undefined, hasView };
}

/** In UTF-16 code units of JSON: of an input, and of a checkpoint. */
const MAX_KEPT = 1_048_576;

function keptCall(input: unknown, deadlineMs: number, hasView: boolean): string | undefined {
  const { json, lossy } = encode(
    { input, deadlineMs: Number.isFinite(deadlineMs) ? deadlineMs : null, ...(hasView && { hasView }) },
    { dropUndefined: true, keep: MAX_KEPT },
  );
  return lossy.length === 0 && json.length <= MAX_KEPT ? json : undefined;
}

function checkpointJson(data: unknown): string {
  const { json, lossy } = encode(data, { dropUndefined: true, keep: MAX_KEPT });
  if (json.length > MAX_KEPT) {
    const message = `A checkpoint must have at most ${MAX_KEPT} characters of JSON; it has more.`;
    throw new TaskOffloadError("invalid_input", message);
  }
  if (lossy.length === 0) return json;
  const message = `A checkpoint must be JSON; it is not${atPlaces(lossy)}.`;
  throw new TaskOffloadError("invalid_input", message);
}

function checkWritten(isWritten: boolean | undefined): void {
  if (isWritten) return;
  const message = "The checkpoint was not kept: the task has ended, or another process has it.";
  throw new DOMException(message, "AbortError");
}

/** Writes a checkpoint. False: the task is somebody else's. */
type Write = (checkpoint: string) => Promise<boolean>;

/** A call as it is kept to be made again. */
interface KeptCall {
  input: unknown;
  /** `null`: none. */
  deadlineMs: number | null;
  /** It was shown in a way of its own. @default false */
  hasView?: boolean;
}

/** What is known of a call once it is made. */
interface Made {
  input: unknown;
  deadlineMs: number;
  hasView: boolean;
}

/** What an earlier start has left. */
interface Legacy {
  id: string;
  lastCheckpoint: unknown;
}
