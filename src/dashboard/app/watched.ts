/** The task that is looked at: its log as it grows, and its result. */
import { batch, signal } from "@preact/signals";
import type { TaskEvent, TaskInfo, TaskResult } from "../../client/index.ts";
import { client, isSignedOut, messageOf } from "./api.ts";
import { TextCleaner } from "./clean-text.ts";
import { endSignedOut, keep, taskWithId } from "./tasks.ts";

/** An event that is no output: output has a place of its own. */
export type Step = Exclude<TaskEvent, { type: "task.output" | "task.progress" }>;

export class WatchedTask {
  readonly id: string;
  readonly steps = signal<readonly Step[]>([]);
  readonly result = signal<TaskResult | undefined>(undefined);
  readonly error = signal("");
  readonly isMissing = signal(false);
  /** Whether the beginning of the output is gone. */
  readonly isCut = signal(false);
  /** Whether there is any output. */
  readonly hasOutput = signal(false);
  /** Told of each piece of output; of what is there already at once. */
  readonly #readers = new Set<(text: string) => void>();
  readonly #cleaner = new TextCleaner();
  readonly #stop = new AbortController();
  #output = "";
  #fresh = "";
  #steps: Step[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(id: string) {
    this.id = id;
    void this.#run();
  }

  close(): void {
    this.#stop.abort();
    clearTimeout(this.#timer);
  }

  onOutput(read: (text: string) => void): () => void {
    read(this.#output);
    this.#readers.add(read);
    return () => this.#readers.delete(read);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    try {
      if (taskWithId(this.id) === undefined) await this.#find(signal);
      if (this.isMissing.value) return;
      for await (const { event, truncated } of client.watch(this.id, { signal }))
        this.#take(event, truncated);
      if (signal.aborted) return;
      this.#fresh += this.#cleaner.end();
      this.#show();
      this.result.value = await client.result(this.id, { signal });
    } catch (error) {
      if (signal.aborted) return;
      if (isSignedOut(error)) endSignedOut();
      else this.error.value = messageOf(error);
    }
  }

  /** A link may lead to a task that is older than all that are loaded. */
  async #find(signal: AbortSignal): Promise<void> {
    const task: TaskInfo | undefined = await client.get(this.id, { signal });
    if (task) keep(task);
    else this.isMissing.value = true;
  }

  #take(event: TaskEvent, truncated: boolean): void {
    if (truncated) this.isCut.value = true;
    if (event.type === "task.output") this.#fresh += this.#cleaner.feed(event.chunk);
    else if (event.type !== "task.progress") this.#steps.push(event);
    this.#timer ??= setTimeout(() => this.#show(), FRAME_MS);
  }

  /** However many lines a second come, they are shown ten times a second. */
  #show(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const fresh = this.#fresh.slice(-KEPT);
    this.#fresh = "";
    this.#output = (this.#output + fresh).slice(-KEPT);
    batch(() => {
      if (this.#steps.length !== this.steps.value.length) this.steps.value = [...this.#steps];
      if (fresh !== "") this.hasOutput.value = true;
    });
    if (fresh !== "") for (const read of this.#readers) read(fresh);
  }
}

const FRAME_MS = 100;
/** As many characters as a task's log keeps. */
export const KEPT = 262_144;
