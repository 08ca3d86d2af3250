import { SortedList } from "../../core/values/sorted-list.ts";
import { byDue, byEnd, type Due, type Entry } from "./entry.ts";
import type { ByEnd } from "./pending.ts";

/** Pending follow-ups that give no reason to claim as yet: they are delayed, or somebody delivers to their session. */
export class HeldBack {
  readonly byEnd: ByEnd = new SortedList(byEnd);
  readonly #delayed = new SortedList<Due, Entry>(byDue);

  add(entry: Entry): void {
    this.byEnd.add(entry);
    if (entry.isDelayed) this.#delayed.add(entry);
  }

  delete(entry: Entry): void {
    this.byEnd.delete(entry);
    if (entry.isDelayed) this.#delayed.delete(entry);
  }

  /** The first that is due by now, of those that are delayed. */
  firstDue(now: number): Entry | undefined {
    const entry = this.#delayed.first();
    return entry && entry.dueAt <= now ? entry : undefined;
  }
}
