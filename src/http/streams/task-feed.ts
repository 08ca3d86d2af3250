import type { TaskUpdate } from "../../core/model/manager-events.ts";
import { onAbort } from "../../core/values/signals.ts";
import { eventBytes } from "./sse.ts";
import type { TaskReader } from "./task-reader.ts";

/** What happens to one task, read once and written once for all who follow it here. */
export class TaskFeed {
  readonly #followers = new Set<Follower>();
  readonly #stop = new AbortController();
  readonly #onOver: () => void;
  readonly #ended: Promise<void>;
  #holders = 0;
  #told: number;
  #isOver = false;

  /** `watch` begins behind the event with the number `told`. `onOver` is called once. */
  constructor(told: number, watch: (signal: AbortSignal) => AsyncIterable<TaskUpdate>, onOver: () => void) {
    this.#told = told;
    this.#onOver = onOver;
    this.#ended = this.#run(watch(this.#stop.signal)).finally(() => this.#end());
    this.#ended.catch(() => undefined);
  }

  /** The `seq` of the last event that was told here. What comes before it is in the log. */
  get told(): number {
    return this.#told;
  }

  /** Keeps it going until `over` aborts. */
  hold(over: AbortSignal): void {
    this.#holders += 1;
    onAbort(over, () => {
      this.#holders -= 1;
      if (this.#holders === 0) this.#end();
    });
  }

  /** Tells a reader what happens from now on, until nothing more does, or `over` aborts. @throws what the watch did */
  follow(reader: TaskReader, over: AbortSignal): Promise<void> {
    if (over.aborted) return Promise.resolve();
    if (this.#isOver) return this.#ended;
    return new Promise((resolve) => {
      const follower = { reader, leave: () => resolve(this.#ended) };
      this.#followers.add(follower);
      onAbort(over, () => {
        this.#followers.delete(follower);
        resolve();
      });
    });
  }

  async #run(updates: AsyncIterable<TaskUpdate>): Promise<void> {
    for await (const { event } of updates) {
      // Another log has begun. Who comes back is told so.
      if (event.seq <= this.#told) return;
      this.#told = event.seq;
      const written = eventBytes(event);
      for (const { reader } of this.#followers) reader.tell(event.seq, written);
    }
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stop.abort();
    this.#onOver();
    for (const { leave } of this.#followers) leave();
  }
}

interface Follower {
  reader: TaskReader;
  leave(): void;
}
