import type { FollowUpMode } from "../../core/model/follow-up.ts";
import { SortedList } from "../../core/values/sorted-list.ts";
import { byEnd, type Ended, type Entry } from "./entry.ts";
import type { Turns } from "./turns.ts";

export type ByEnd = SortedList<Ended, Entry>;

/**
 * The index of pending follow-ups that may be claimed, apart by their mode and by the turns of their session: who looks for some never meets
 * the others, however many they are.
 */
export class Pending {
  readonly #turns: Turns;
  readonly #byTurns = new Map<number, ByMode>();

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  lists(modes: readonly FollowUpMode[] = MODES, maxTurns = Infinity): ByEnd[] {
    return [...this.#byTurns].flatMap(([turns, byMode]) =>
      turns < maxTurns ? modes.map((mode) => byMode[mode]) : [],
    );
  }

  add(entry: Entry): void {
    const turns = this.#turns.of(entry.record);
    const byMode = this.#byTurns.get(turns) ?? emptyLists();
    byMode[entry.followUpMode].add(entry);
    this.#byTurns.set(turns, byMode);
  }

  delete(entry: Entry): void {
    const turns = this.#turns.of(entry.record);
    const byMode = this.#byTurns.get(turns);
    byMode?.[entry.followUpMode].delete(entry);
    if (byMode && MODES.every((mode) => byMode[mode].size === 0)) this.#byTurns.delete(turns);
  }
}

type ByMode = Record<FollowUpMode, ByEnd>;

const MODES = ["when_idle", "interrupt", "silent"] as const;

function emptyLists(): ByMode {
  return {
    when_idle: new SortedList(byEnd),
    interrupt: new SortedList(byEnd),
    silent: new SortedList(byEnd),
  };
}
