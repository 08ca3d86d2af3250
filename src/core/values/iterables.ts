/** What can be iterated, and which of it is a stream: a value may be iterable too, and so may a promise. */

/**
 * True for what a tool returns to be read piece by piece: an async generator, or a stream. Data that can be iterated
 * too, as the page of an API client, is a value. A promise that can be, as a subprocess of execa, is a promise, and
 * what it resolves to is a value whatever it can do: ask only of what was returned. Never throws.
 */
export function isStream(returned: unknown): returned is AsyncIterable<unknown> {
  try {
    if (!isAsyncIterable(returned) || isThenable(returned)) return false;
    return OF_STREAMS.some((method) => hasMethod(returned, method)) || !holdsData(returned);
  } catch {
    return false;
  }
}

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

/** Lets a stream that will not be read let go of what it holds: a generator runs its `finally`. */
export function closeQuietly(stream: AsyncIterable<unknown>): void {
  const close = async () => {
    const method = CLOSING.find((name) => hasMethod(stream, name));
    if (method !== undefined) await Reflect.get(stream, method).call(stream);
  };
  close().catch(() => undefined);
}

/** Of generators and cursors, of the web's streams, of Node's and other emitters, of API clients. */
const OF_STREAMS = ["next", "getReader", "on", "toReadableStream"] as const;

/** The same, in the order in which they mean it. */
const CLOSING = ["return", "destroy", "cancel", "abort", "close"] as const;

function hasMethod(value: object, name: string): boolean {
  return typeof Reflect.get(value, name) === "function";
}

/** Whether it, or its class, has anything to say beside its methods. */
function holdsData(value: object): boolean {
  if (hasMethod(value, "toJSON")) return true;
  for (let level = value; level !== null; level = Object.getPrototypeOf(level)) {
    const isRoot = Object.getPrototypeOf(level) === null && level !== value;
    if (isRoot) return false;
    const properties = Object.values(Object.getOwnPropertyDescriptors(level));
    if (properties.some((property) => typeof property.value !== "function")) return true;
  }
  return false;
}
