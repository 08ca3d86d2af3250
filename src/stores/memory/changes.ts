import { type ChangedTask, type Changes, type ChangesQuery, LATELY_MS } from "../../core/model/changes.ts";
import { isNewer } from "../../core/model/task.ts";
import type { SteadyClock } from "../../core/time/clock.ts";
import { changedTask } from "../shared/changed-task.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Entry } from "./entry.ts";
import type { User } from "./user.ts";

/** Finds what has changed since somebody has looked. */
export class ChangesReading {
  readonly #catalogue: Catalogue;
  readonly #clock: SteadyClock;

  constructor(catalogue: Catalogue, clock: SteadyClock) {
    this.#catalogue = catalogue;
    this.#clock = clock;
  }

  read({ userId, known, since }: ChangesQuery, limit: number): Changes {
    const next = this.#clock.monotonic() - LATELY_MS;
    const tasks: ChangedTask[] = [];
    const gone: string[] = [];
    for (const task of known) {
      const entry = this.#catalogue.named({ userId, id: task.id });
      if (entry === undefined) gone.push(task.id);
      else if (isNewer(entry.record, task)) tasks.push(changed(entry));
    }
    if (since === undefined) return { tasks, gone, more: false, next };
    const others = this.#others(userId, new Set(known.map(({ id }) => id)), since ?? next, limit + 1);
    const more = others.length > limit;
    return { tasks: tasks.concat(others.slice(0, limit).map(changed)), gone, more, next };
  }

  #others(userId: string, known: ReadonlySet<string>, since: number, limit: number): Entry[] {
    const others: Entry[] = [];
    for (const entry of mayChange(this.#catalogue.user(userId), since)) {
      if (others.length === limit) return others;
      if (!known.has(entry.id)) others.push(entry);
    }
    return others;
  }
}

/** What may still change, and what has ended since a moment. */
function* mayChange({ unfinished, claimed, pending, done }: User, since: number): Generator<Entry> {
  yield* unfinished;
  yield* claimed;
  yield* pending;
  for (const entry of done.descending()) {
    if (entry.endedAt < since) return;
    yield entry;
  }
}

function changed({ record, endedAt }: Entry): ChangedTask {
  return changedTask(record, endedAt);
}
