/** An iterator over what a generator tells, whose `return` also ends a `next` that waits: a generator's own does not. */
export function endable<T>(told: AsyncGenerator<T, void>, end: () => void): AsyncIterator<T, void> {
  return {
    async next() {
      const step = await told.next().catch((error: unknown) => {
        end();
        throw error;
      });
      if (step.done) end();
      return step;
    },
    async return() {
      end();
      return told.return();
    },
  };
}

/** Something that is begun when it is first read, and then is one and the same. */
export function readOnce<T>(begin: () => AsyncIterator<T, void>): AsyncIterable<T> {
  let iterator: AsyncIterator<T, void> | undefined;
  const read = () => {
    iterator ??= begin();
    return iterator;
  };
  return { [Symbol.asyncIterator]: read };
}
