/** True for what `for await` can walk, whether or not it is a promise too. Never throws. */
export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  try {
    return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
  } catch {
    return false;
  }
}

/** True for what a promise would wait for. Never throws. */
export function isThenable(value: unknown): boolean {
  try {
    return typeof (value as PromiseLike<unknown> | null)?.then === "function";
  } catch {
    return false;
  }
}

/** Lets a generator that will not be read run its `finally`. */
export function closeQuietly(iterable: AsyncIterable<unknown>): void {
  const close = async () => (iterable as AsyncGenerator<unknown>).return?.(undefined);
  close().catch(() => undefined);
}
