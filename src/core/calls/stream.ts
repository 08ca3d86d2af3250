import { TaskOffloadError } from "../errors.ts";
import type { OffloadOutcome, ToolContext } from "../model/call.ts";
import { ofTool } from "../model/placeholder.ts";
import type { Clock } from "../time/clock.ts";
import { isAsyncIterable, isStream, isThenable } from "../values/iterables.ts";
import { anything, func } from "../values/kinds.ts";
import { needed, option, readArgument, type Table } from "../values/options.ts";
import { type ContextSource, sourceOf } from "./context.ts";
import type { Race } from "./race.ts";

/** What a streaming tool returns. */
export type StreamSource<C> = AsyncIterable<C> | PromiseLike<AsyncIterable<C>>;

/** How the chunks of a stream become its result. */
export interface StreamFold<C, R> {
  initial: R;
  reduce(result: R, chunk: C): R;
}

const FOLD = {
  initial: option(anything),
  reduce: needed(func()),
} satisfies Table<StreamFold<unknown, unknown>>;

/** The first fault of a fold, or `undefined` for none, or a sound one. */
export function faultOfFold(fold: object | undefined): TaskOffloadError | undefined {
  try {
    if (fold !== undefined) readArgument(FOLD, fold, "fold", "fold.");
    return undefined;
  } catch (error) {
    return error as TaskOffloadError;
  }
}

/** Without a fold, the last chunk is the result. */
export function lastChunk<C>(): StreamFold<C, C> {
  return { initial: undefined as C, reduce: (_, chunk) => chunk };
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
/** Chunks read in a row while nobody asks for them: a generator that never waits must not hold up the process. */
const CHUNKS_PER_PASS = 64;

/**
 * Moves a streaming tool's chunks. While somebody iterates, it reads as they ask; once the turn is over, or
 * the call has become a task, it reads by itself.
 */
export class Pump<C, R> {
  readonly #clock: Clock;
  readonly #fold: StreamFold<C, R>;
  readonly #writesText: boolean;
  readonly #pulls: Pull<C>[] = [];
  #result: R;
  #unasked = 0;
  #isDetached = false;
  #isLeft = false;
  #error: { reason: unknown } | undefined;
  #wake: () => void = () => undefined;

  /** `writesText`: whether chunks of text are what the tool writes. */
  constructor(clock: Clock, fold: StreamFold<C, R>, writesText: boolean) {
    this.#clock = clock;
    this.#fold = fold;
    this.#writesText = writesText;
    this.#result = fold.initial;
  }

  /** The tool's side: reads the source to its end. */
  async feed(begin: () => StreamSource<C>, context: ToolContext): Promise<R> {
    const tool = sourceOf(context);
    tool.onAbort(() => this.#wake());
    const source = await sourceIn(begin());
    await this.#wanted(tool);
    for await (const given of source) {
      throwIfAborted(tool);
      const chunk = ofTool(given);
      this.#result = this.#fold.reduce(this.#result, chunk);
      if (this.#writesText && typeof chunk === "string") context.write(chunk);
      this.#pulls.shift()?.resolve({ done: false, value: chunk });
      await this.#wanted(tool);
    }
    throwIfAborted(tool);
    return this.#result;
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
        this.#isLeft = true;
        race.abort(new DOMException("The stream was left before its end.", "AbortError"));
        return DONE;
      },
    };
    return { outcome, [Symbol.asyncIterator]: () => iterator };
  }

  #next(): Promise<IteratorResult<C, undefined>> {
    return new Promise((resolve, reject) => {
      this.#pulls.push({ resolve, reject });
      if (this.#isDetached || this.#isLeft) this.#endPulls();
      else this.#wake();
    });
  }

  /** The turn has what it will get: who iterates comes to the end, and the source is read on. */
  #detach(error: { reason: unknown } | undefined): void {
    this.#isDetached = true;
    this.#error = this.#isLeft ? undefined : error;
    this.#endPulls();
    this.#wake();
  }

  /** An error is told once. */
  #endPulls(): void {
    for (const pull of this.#pulls.splice(0)) {
      if (this.#error) pull.reject(this.#error.reason);
      else pull.resolve(DONE);
      this.#error = undefined;
    }
  }

  /** Until the next chunk is asked for, or the tool is told to stop. */
  async #wanted(tool: ContextSource): Promise<void> {
    while (!this.#isDetached && this.#pulls.length === 0 && tool.aborted === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#isDetached) await this.#breathe();
    throwIfAborted(tool);
  }

  async #breathe(): Promise<void> {
    this.#unasked += 1;
    if (this.#unasked % CHUNKS_PER_PASS !== 0) return;
    await new Promise<void>((resolve) => this.#clock.nextPass(resolve));
  }
}

function throwIfAborted({ aborted }: ContextSource): void {
  if (aborted !== undefined) throw aborted.reason;
}

/**
 * Whoever calls `stream` has said that the tool is to be read piece by piece: whatever can be iterated will do. What a
 * promise resolves to is a value all the same, unless there is nothing to it but its pieces.
 */
async function sourceIn<C>(returned: StreamSource<C>): Promise<AsyncIterable<C>> {
  const isPromised = isThenable(returned);
  const source = await returned;
  if (isPromised ? isStream(source) : isAsyncIterable(source)) return source;
  throw new TaskOffloadError("not_supported", "stream() needs an async iterable; use run() for other tools.");
}
