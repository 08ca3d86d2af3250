/**
 * What many short-lived objects pass through.
 *
 * A Map or a Set is wrong for that. V8 links each table that one has outgrown to the next: once the first is in the old
 * heap, so are all, and whatever stood in them when they were outgrown, with all it refers to. Half of what passes through
 * would wait for the next full collection.
 */

/** Objects in the order in which they came, linked to each other. One object is in at most one chain. */
export class Chain<T extends Link<T>> {
  #newest: T | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** From the newest to the oldest. */
  *[Symbol.iterator](): Generator<T> {
    for (let link = this.#newest; link !== undefined; link = link.older) yield link;
  }

  add(link: T): void {
    link.older = this.#newest;
    if (this.#newest !== undefined) this.#newest.newer = link;
    this.#newest = link;
    this.#size += 1;
  }

  /** False: it was not there. */
  delete(link: T): boolean {
    const { older, newer } = link;
    if (newer !== undefined) newer.older = older;
    else if (this.#newest === link) this.#newest = older;
    else return false;
    if (older !== undefined) older.newer = newer;
    link.older = undefined;
    link.newer = undefined;
    this.#size -= 1;
    return true;
  }
}

/** An object that can be in a chain, and its neighbours there. */
export interface Link<T> {
  older: T | undefined;
  newer: T | undefined;
}

/** A map by text that lets go of what is deleted. */
export class Passage<T> {
  readonly #places = new Map<string, { value: T | undefined }>();

  get size(): number {
    return this.#places.size;
  }

  has(key: string): boolean {
    return this.#places.has(key);
  }

  get(key: string): T | undefined {
    return this.#places.get(key)?.value;
  }

  set(key: string, value: T): void {
    this.#places.set(key, { value });
  }

  delete(key: string): void {
    const place = this.#places.get(key);
    if (place === undefined) return;
    place.value = undefined;
    this.#places.delete(key);
  }

  values(): T[] {
    return [...this.#places.values()].map(({ value }) => value as T);
  }
}
