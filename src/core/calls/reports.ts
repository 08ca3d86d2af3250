import type { NewTaskEvent } from "../model/events.ts";
import type { TaskProgress } from "../model/task.ts";
import { oneLine, ownText, sliceWhole } from "../values/text.ts";

/**
 * What a tool has reported and no store has confirmed: the newest progress, and its output in order. It is
 * bounded, so a tool may report as often as it likes, in the foreground too, where nobody reads it.
 */
export class Reports {
  #progress: TaskProgress | undefined;
  #output = "";
  /** The first half of a surrogate pair: the next chunk begins with the other. */
  #half = "";
  #dropped = 0;
  #unconfirmed: readonly NewTaskEvent[] = [];
  #decoder: InstanceType<typeof TextDecoder> | undefined;

  get empty(): boolean {
    return this.#progress === undefined && this.#output === "" && this.#unconfirmed.length === 0;
  }

  report(progress: unknown): void {
    this.#progress = readProgress(progress) ?? this.#progress;
  }

  /** Takes text, or bytes of UTF-8, which may be cut anywhere. */
  write(chunk: unknown): void {
    if (typeof chunk === "string") this.#append(chunk);
    else if (chunk instanceof Uint8Array) this.#append(this.#decode(chunk));
    // Cutting is not for each chunk: it copies what is kept.
    if (this.#output.length > 2 * OUTPUT_CHARS) this.#cut();
  }

  /** What is to be written next, as events: the same ones until they are confirmed. */
  next(now: number): readonly NewTaskEvent[] {
    return this.#unconfirmed.length > 0 ? this.#unconfirmed : this.all(now);
  }

  /** Everything that is not confirmed, as events. */
  all(now: number): readonly NewTaskEvent[] {
    this.#unconfirmed = [...this.#unconfirmed, ...this.#drain(now)];
    return this.#unconfirmed;
  }

  /** The first so many of the events are on record. */
  confirm(count: number): void {
    this.#unconfirmed = this.#unconfirmed.slice(count);
  }

  #append(chunk: string): void {
    const text = this.#half + chunk;
    const end = isFirstHalf(text.charCodeAt(text.length - 1)) ? text.length - 1 : text.length;
    this.#half = text.slice(end);
    this.#output += text.slice(0, end);
  }

  #drain(now: number): NewTaskEvent[] {
    const events: NewTaskEvent[] = [];
    if (this.#output !== "") events.push({ at: now, type: "task.output", chunk: this.#takeOutput() });
    if (this.#progress) events.push({ at: now, type: "task.progress", progress: this.#progress });
    this.#progress = undefined;
    return events;
  }

  #decode(bytes: Uint8Array): string {
    this.#decoder ??= new TextDecoder();
    return this.#decoder.decode(bytes, { stream: true });
  }

  #cut(): void {
    const { length } = this.#output;
    this.#output = ownText(sliceWhole(this.#output, length - OUTPUT_CHARS, length));
    this.#dropped += length - this.#output.length;
  }

  #takeOutput(): string {
    if (this.#output.length > OUTPUT_CHARS) this.#cut();
    const notice = this.#dropped > 0 ? `[… ${this.#dropped} characters of output dropped …]\n` : "";
    const output = ownText(notice + this.#output);
    this.#output = "";
    this.#dropped = 0;
    return output;
  }
}

/** Characters of output that wait to be logged; beyond that the oldest make room, and the log says so. */
const OUTPUT_CHARS = 64 * 1024;
const MESSAGE_CODE_POINTS = 512;

/** Whether a UTF-16 code unit is the first of two. */
function isFirstHalf(unit: number): boolean {
  return (unit & 0xfc00) === 0xd800;
}

/** The usable part of what a tool calls progress, or `undefined` where there is none. */
function readProgress(progress: unknown): TaskProgress | undefined {
  if (typeof progress !== "object" || progress === null) return undefined;
  try {
    const { value, total, message } = progress as Record<string, unknown>;
    const read: TaskProgress = {};
    if (Number.isFinite(value)) read.value = value as number;
    if (Number.isFinite(total)) read.total = total as number;
    if (typeof message === "string") read.message = oneLine(message, MESSAGE_CODE_POINTS);
    return read.value === undefined && read.total === undefined && !read.message ? undefined : read;
  } catch {
    return undefined;
  }
}
