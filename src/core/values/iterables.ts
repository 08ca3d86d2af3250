/** True for what `for await` can walk and a promise is not. Never throws. */
export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  try {
    return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
  } catch {
    return false;
  }
}

/** Lets a generator that will not be read run its `finally`. */
export function closeQuietly(iterable: AsyncIterable<unknown>): void {
  const close = async () => (iterable as AsyncGenerator<unknown>).return?.(undefined);
  close().catch(() => undefined);
}
