/** Counts, for each user, the requests that wait. */
export class Waits {
  readonly #most: number;
  readonly #counts = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Returns how to leave again; undefined if there is no room. */
  enter(userId: string): (() => void) | undefined {
    const count = this.#of(userId);
    if (count >= this.#most) return undefined;
    this.#counts.set(userId, count + 1);
    return () => this.#leave(userId);
  }

  #leave(userId: string): void {
    const count = this.#of(userId) - 1;
    if (count === 0) this.#counts.delete(userId);
    else this.#counts.set(userId, count);
  }

  #of(userId: string): number {
    return this.#counts.get(userId) ?? 0;
  }
}
