import { MOST_TOLD } from "../options/query-options.ts";

/** What a watch knows of tasks: how far each was told, and which have news. */
export class Places {
  readonly #told = new Map<string, number>();
  readonly #news = new Set<string>();
  /** Tasks whose reader has said where to begin. */
  readonly #named: ReadonlySet<string>;
  /** Tasks whose next event comes after others that are missing. */
  readonly #gaps = new Set<string>();
  #hasSkipped = false;

  /** `from`: by their ids, the last event that is known of each. */
  constructor(from: ReadonlyMap<string, number>) {
    this.#named = new Set(from.keys());
    for (const [id, seq] of from) this.noteNews(id, seq);
  }

  /** The task that has had news for longest. */
  get next(): string | undefined {
    const [id] = this.#news;
    return id;
  }

  has(id: string): boolean {
    return this.#told.has(id);
  }

  /** The last event that was told of a task. */
  toldOf(id: string): number {
    return this.#told.get(id) ?? 0;
  }

  isNamed(id: string): boolean {
    return this.#named.has(id);
  }

  /** A task that is heard of for the first time is told from after this event on. */
  noteNews(id: string, after: number): void {
    if (!this.#told.has(id)) this.#told.set(id, after);
    this.#news.add(id);
    if (this.#told.size > MOST_TOLD) this.#forgetOldest();
  }

  /** A look has found it at this event; a task that is heard of for the first time is told from after `before` on. */
  moved(id: string, seq: number, before: number): void {
    if ((this.#told.get(id) ?? before) < seq) this.noteNews(id, before);
  }

  /** Its news are about to be read; what comes from now on is new again. */
  takeNews(id: string): void {
    this.#news.delete(id);
  }

  told(id: string, seq: number): void {
    // A task that goes on is not the oldest, however long ago it was first heard of.
    this.#told.delete(id);
    this.#told.set(id, seq);
  }

  /** The log is not what its reader took it for: it goes on after this event, and says so. */
  misplaced(id: string, seq: number): void {
    this.#told.set(id, seq);
    this.#gaps.add(id);
  }

  forget(id: string): void {
    this.#told.delete(id);
  }

  /** Whether events are missing in front of the one of this task that is told now. */
  takeGap(id: string): boolean {
    const isGap = this.#gaps.delete(id) || this.#hasSkipped;
    this.#hasSkipped = false;
    return isGap;
  }

  /** Of a watch that is not read, the news go too, and the next one that is told says so. */
  #forgetOldest(): void {
    const [oldest = ""] = this.#told.keys();
    this.#told.delete(oldest);
    this.#hasSkipped = this.#news.delete(oldest) || this.#hasSkipped;
  }
}
