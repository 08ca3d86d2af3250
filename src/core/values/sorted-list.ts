/** Below zero: `one` comes first. */
export type Order<Key> = (one: Key, other: Key) => number;

/**
 * Values in an order, however many there are: adding, deleting and reading at any place cost about the same
 * for a hundred values as for a million. It is an array cut into chunks, none of them empty.
 *
 * @example
 * const numbers = new SortedList<number, number>((one, other) => one - other);
 * numbers.add(2);
 * numbers.add(1);
 * numbers.first(); // 1
 */
export class SortedList<Key, Value extends Key> {
  readonly #order: Order<Key>;
  #chunks: Value[][] = [];
  #size = 0;

  constructor(order: Order<Key>) {
    this.#order = order;
  }

  get size(): number {
    return this.#size;
  }

  first(): Value | undefined {
    return this.#chunks[0]?.[0];
  }

  add(value: Value): void {
    this.#size += 1;
    const at = this.#chunkOf(value);
    const chunk = this.#chunks[at];
    // Most lists stay short: they are made no larger than they are.
    if (chunk === undefined) this.#chunks = [[value]];
    else this.#insert(at, chunk, value);
  }

  /** False: it was not there. */
  delete(value: Value): boolean {
    const at = this.#chunkOf(value);
    const chunk = this.#chunks[at] ?? [];
    const index = this.#indexIn(chunk, value);
    if (chunk[index] !== value) return false;
    if (index === 0) chunk.shift();
    else chunk.splice(index, 1);
    this.#size -= 1;
    this.#merge(at, chunk);
    return true;
  }

  *[Symbol.iterator](): Generator<Value> {
    for (const chunk of this.#chunks) yield* chunk;
  }

  /** From the last value down, or from the last one before a place that need not be taken. */
  *descending(before?: Key): Generator<Value> {
    let at = before === undefined ? this.#chunks.length - 1 : this.#chunkOf(before);
    for (; at >= 0; at -= 1) {
      const chunk = this.#chunks[at] ?? [];
      const end = before === undefined ? chunk.length : this.#indexIn(chunk, before);
      for (let index = end - 1; index >= 0; index -= 1) yield chunk[index] as Value;
    }
  }

  /**
   * The chunk that holds a place: the first that does not end before it, or else the last. Most values come
   * in at the end and leave from the front, so these two are looked at first.
   */
  #chunkOf(key: Key): number {
    const chunks = this.#chunks;
    if (chunks.length < 2 || this.#isBefore(chunks.at(-1)?.[0], key)) return chunks.length - 1;
    if (!this.#isBefore(chunks[0]?.at(-1), key)) return 0;
    const reached = firstIndex(chunks.length, (at) => !this.#isBefore(chunks[at]?.at(-1), key));
    return Math.min(reached, chunks.length - 1);
  }

  #indexIn(chunk: readonly Value[], key: Key): number {
    if (chunk[0] === key) return 0;
    return firstIndex(chunk.length, (index) => !this.#isBefore(chunk[index], key));
  }

  #isBefore(value: Value | undefined, key: Key): boolean {
    return value !== undefined && this.#order(value, key) < 0;
  }

  #insert(at: number, chunk: Value[], value: Value): void {
    if (this.#isBefore(chunk.at(-1), value)) chunk.push(value);
    else chunk.splice(this.#indexIn(chunk, value), 0, value);
    if (chunk.length > CHUNK) this.#split(at, chunk);
  }

  #split(at: number, chunk: Value[]): void {
    // Most values come in at the end: the last chunk stays full, and a new one begins.
    const kept = at === this.#chunks.length - 1 ? CHUNK : CHUNK / 2;
    this.#chunks.splice(at + 1, 0, chunk.splice(kept));
  }

  /** Values that leave here and there would leave ever more tiny chunks behind. */
  #merge(at: number, chunk: Value[]): void {
    const next = this.#chunks[at + 1];
    if (next !== undefined && chunk.length + next.length <= CHUNK / 2) {
      this.#chunks.splice(at, 2, [...chunk, ...next]);
    } else if (chunk.length === 0) {
      this.#chunks.splice(at, 1);
    }
  }
}

const CHUNK = 256;

/** The first index for which `isReached`, which must hold from there on; `length` if there is none. */
function firstIndex(length: number, isReached: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isReached(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
