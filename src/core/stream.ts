import type { OffloadOutcome, ToolContext } from "./call.ts";
import { TaskOffloadError } from "./errors.ts";
import { isAsyncIterable } from "./execution.ts";
import type { Race } from "./race.ts";

/** What a streaming tool answers. */
export type StreamSource<C> = AsyncIterable<C> | PromiseLike<AsyncIterable<C>>;

export interface StreamOptions<C, R> {
  /** Folds the chunks into the result; the first time `result` is `undefined`. @default the last chunk */
  reduce?: (result: R | undefined, chunk: C) => R;
}

/** The chunks of one call, to be iterated once, and what the call came to. */
export interface ToolStream<C, R> extends AsyncIterable<C> {
  readonly outcome: Promise<OffloadOutcome<R>>;
}

/** An open `next()` of the consumer. */
interface Pull<C> {
  resolve(result: IteratorResult<C, undefined>): void;
  reject(error: unknown): void;
}

const DONE = { done: true, value: undefined } as const;

/**
 * Moves a streaming tool's chunks. While somebody iterates, it reads as they ask; once the turn is over, or
 * the call has become a task, it reads by itself.
 */
export class Pump<C, R> {
  readonly #reduce: (result: R | undefined, chunk: C) => R;
  readonly #pulls: Pull<C>[] = [];
  #result: R | undefined;
  #isDetached = false;
  #error: { reason: unknown } | undefined;
  #wake: () => void = () => undefined;

  constructor(reduce: StreamOptions<C, R>["reduce"]) {
    this.#reduce = reduce ?? ((_, chunk) => chunk as unknown as R);
  }

  /** The tool's side: reads the source to its end. */
  async feed(begin: () => StreamSource<C>, context: ToolContext): Promise<R> {
    const { signal } = context;
    signal.addEventListener("abort", () => this.#wake());
    const source = checkedSource(await begin());
    await this.#wanted(signal);
    for await (const chunk of source) {
      signal.throwIfAborted();
      this.#result = this.#reduce(this.#result, chunk);
      if (typeof chunk === "string") context.write(chunk);
      this.#pulls.shift()?.resolve({ done: false, value: chunk });
      await this.#wanted(signal);
    }
    return this.#result as R;
  }

  /** The turn's side. */
  stream(race: Race<R>): ToolStream<C, R> {
    const { outcome } = race;
    outcome.then(
      () => this.#detach(undefined),
      (reason) => this.#detach({ reason }),
    );
    const iterator: AsyncIterator<C, undefined> = {
      next: () => this.#next(),
      return: async () => {
        race.abort(new DOMException("The stream was left before its end.", "AbortError"));
        this.#error = undefined;
        return DONE;
      },
    };
    return { outcome, [Symbol.asyncIterator]: () => iterator };
  }

  #next(): Promise<IteratorResult<C, undefined>> {
    return new Promise((resolve, reject) => {
      this.#pulls.push({ resolve, reject });
      if (this.#isDetached) this.#endPulls();
      else this.#wake();
    });
  }

  /** The turn has what it will get: who iterates comes to the end, and the source is read on. */
  #detach(error: { reason: unknown } | undefined): void {
    this.#isDetached = true;
    this.#error = error;
    this.#endPulls();
    this.#wake();
  }

  #endPulls(): void {
    for (const pull of this.#pulls.splice(0)) {
      if (this.#error) pull.reject(this.#error.reason);
      else pull.resolve(DONE);
      this.#error = undefined;
    }
  }

  /** Until the next chunk is asked for, or the tool is told to stop. */
  async #wanted(signal: AbortSignal): Promise<void> {
    while (!this.#isDetached && this.#pulls.length === 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    signal.throwIfAborted();
  }
}

function checkedSource<C>(source: AsyncIterable<C>): AsyncIterable<C> {
  if (isAsyncIterable(source)) return source;
  throw new TaskOffloadError("not_supported", "stream() needs an async iterable; use run() for other tools.");
}
