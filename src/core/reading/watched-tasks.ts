import type { Changes, ChangesQuery, KnownTask } from "../model/changes.ts";
import { isNewer } from "../model/task.ts";

/** A task that is watched. */
export interface WatchedTask {
  readonly userId: string;
  readonly id: string;
  /** How far it is known. */
  place(): KnownTask;
  /** It is further than that, or gone. */
  moved(): void;
}

/** A query, and what becomes of its answer. */
export interface Asked {
  readonly query: ChangesQuery;
  told(changes: Changes): void;
  failed(): void;
}

/** What to ask of tasks: one query for each user, or several for one with more tasks than `most`. */
export function askedOf(tasks: Iterable<WatchedTask>, most: number): Asked[] {
  const users = new Map<string, Map<string, WatchedTask[]>>();
  for (const task of tasks) {
    const byId = users.get(task.userId) ?? new Map<string, WatchedTask[]>();
    const watched = byId.get(task.id) ?? [];
    watched.push(task);
    users.set(task.userId, byId.set(task.id, watched));
  }
  return [...users].flatMap(([userId, byId]) =>
    partsOf([...byId], most).map((part) => askedOfUser(userId, part)),
  );
}

type Part = readonly [id: string, watched: readonly WatchedTask[]][];

function partsOf(all: Part, most: number): Part[] {
  return Array.from({ length: Math.ceil(all.length / most) }, (_, at) =>
    all.slice(at * most, (at + 1) * most),
  );
}

function askedOfUser(userId: string, part: Part): Asked {
  const byId = new Map(part);
  return {
    query: { userId, known: part.map(([, watched]) => leastOf(watched)) },
    told: ({ tasks, gone }) => {
      for (const task of tasks) {
        for (const one of byId.get(task.id) ?? []) if (isNewer(task, one.place())) one.moved();
      }
      for (const id of gone) for (const one of byId.get(id) ?? []) one.moved();
    },
    failed: () => undefined,
  };
}

/** Who knows least of a task is told of what the others know. */
function leastOf(watched: readonly WatchedTask[]): KnownTask {
  return watched.map((one) => one.place()).reduce((least, one) => (isNewer(least, one) ? one : least));
}
