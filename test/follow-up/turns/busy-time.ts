/** For how long sessions have had a turn. */
export class BusyTime {
  readonly #now: () => number;
  readonly #before = new Map<string, number>();
  readonly #since = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  begin(session: string): void {
    if (!this.#since.has(session)) this.#since.set(session, this.#now());
  }

  end(session: string): void {
    this.#before.set(session, this.of(session));
    this.#since.delete(session);
  }

  /** Milliseconds until now. */
  of(session: string): number {
    const since = this.#since.get(session);
    return (this.#before.get(session) ?? 0) + (since === undefined ? 0 : this.#now() - since);
  }
}
