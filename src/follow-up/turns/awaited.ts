import { AsyncResource } from "node:async_hooks";
import { TaskOffloadError } from "../../core/errors.ts";
import { invalidInput } from "../../core/values/validate.ts";

/** All that a turn goes on for. It is over when nothing of it is left. */
export class Awaited {
  readonly over: Promise<void>;
  readonly #last: (() => unknown)[] = [];
  #pending = 0;
  #added = 0;
  #isOver = false;
  #failure: { error: unknown } | undefined;
  #resolve: () => void = () => undefined;

  constructor() {
    this.over = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether anything was added beside the turn's own function. */
  get isProlonged(): boolean {
    return this.#added > 1;
  }

  /** What has rejected first. */
  get failure(): { error: unknown } | undefined {
    return this.#failure;
  }

  add(promise: PromiseLike<unknown>): void {
    this.#checkOpen();
    this.#pending += 1;
    this.#added += 1;
    Promise.resolve(promise).then(
      () => this.#settled(),
      (error: unknown) => {
        this.#failure ??= { error };
        this.#settled();
      },
    );
  }

  /** Is called when nothing else is left, in the async context of now, and waited for too. */
  addLast(act: () => unknown): void {
    if (typeof act !== "function") throw invalidInput("act", "a function", act);
    this.#checkOpen();
    this.#last.push(AsyncResource.bind(act));
  }

  #checkOpen(): void {
    if (this.#isOver) throw new TaskOffloadError("closed", "The turn has ended; nothing can prolong it now.");
  }

  #settled(): void {
    this.#pending -= 1;
    if (this.#pending > 0) return;
    const last = this.#last.splice(0);
    if (last.length > 0) {
      for (const act of last) this.add(new Promise((resolve) => resolve(act())));
      return;
    }
    this.#isOver = true;
    this.#resolve();
  }
}
