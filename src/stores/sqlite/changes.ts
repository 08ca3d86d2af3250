import { type ChangedTask, type Changes, type ChangesQuery, LATELY_MS } from "../../core/model/changes.ts";
import { isNewer } from "../../core/model/task.ts";
import { changedTask } from "../shared/changed-task.ts";
import type { Connection } from "./connection.ts";
import { RECORD, type RecordRow } from "./entry.ts";
import type { FileTime } from "./file-time.ts";
import { ENDED_AT, INDEX, IS_UNFINISHED, TASKS, TASKS_BY } from "./names.ts";
import { DamagedRow, readEntry } from "./read-entry.ts";
import { type Statement, statement, type Values } from "./statement.ts";
import { encodeText } from "./text.ts";

/** Finds what has changed since somebody has looked. */
export class ChangesReading {
  readonly #connection: Connection;
  readonly #time: FileTime;

  constructor(connection: Connection, time: FileTime) {
    this.#connection = connection;
    this.#time = time;
  }

  read(query: ChangesQuery, limit: number, met: DamagedRow[]): Changes {
    const next = this.#time.now() - LATELY_MS;
    const { since } = query;
    const known = query.known.length === 0 ? NOTHING : this.#known(query, met);
    if (since === undefined) return { ...known, more: false, next };
    const others = this.#others(query, since ?? next, limit + 1, met);
    return { ...known, tasks: known.tasks.concat(others.slice(0, limit)), more: others.length > limit, next };
  }

  #known({ userId, known }: ChangesQuery, met: DamagedRow[]): Pick<Changes, "tasks" | "gone"> {
    const ids = JSON.stringify(known.map(({ id }) => encodeText(id)));
    const found = this.#find(KNOWN, { userId: encodeText(userId), ids }, met);
    const places = new Map(found.map((task) => [task.id, task]));
    return {
      tasks: known.flatMap((task) => {
        const now = places.get(task.id);
        return now !== undefined && isNewer(now, task) ? now : [];
      }),
      gone: known.map(({ id }) => id).filter((id) => !places.has(id)),
    };
  }

  #others({ userId, known }: ChangesQuery, since: number, limit: number, met: DamagedRow[]): ChangedTask[] {
    const ids = JSON.stringify(known.map(({ id }) => encodeText(id)));
    return this.#find(OTHERS, { userId: encodeText(userId), ids, since, limit }, met);
  }

  #find<Name extends string>(
    query: Statement<Name, ChangedRow>,
    values: Values<Name>,
    met: DamagedRow[],
  ): ChangedTask[] {
    return this.#connection.all(query, values).flatMap((row) => {
      const entry = readEntry(row);
      if (!(entry instanceof DamagedRow)) return changedTask(entry.record, entry.endedAt);
      met.push(entry);
      return [];
    });
  }
}

const NOTHING = { tasks: [], gone: [] };

type ChangedRow = RecordRow & { endedAt: number };

const CHANGED = `${RECORD}, ${ENDED_AT} AS endedAt`;

const IDS = "(SELECT value FROM json_each(:ids))";

/** Tasks of a user, by their ids as JSON. */
const KNOWN = statement<"userId" | "ids", ChangedRow>(
  `SELECT ${CHANGED} FROM ${TASKS} WHERE id IN ${IDS} AND userId = :userId AND ${INDEX} IS NOT 'damaged'`,
);

/** A user's other tasks that may still change, or have ended since a moment. */
const OTHERS = statement<"userId" | "ids" | "since" | "limit", ChangedRow>(
  `SELECT ${CHANGED} FROM ${TASKS_BY.unfinished} WHERE userId = :userId AND ${IS_UNFINISHED} AND id NOT IN ${IDS}
  UNION ALL
  SELECT ${CHANGED} FROM ${TASKS_BY.outstanding}
    WHERE userId = :userId AND mode IS NOT NULL AND ${INDEX} IS NOT 'damaged' AND id NOT IN ${IDS}
  UNION ALL
  SELECT ${CHANGED} FROM ${TASKS_BY.endOfDone}
    WHERE userId = :userId AND ${INDEX} = 'done' AND ${ENDED_AT} >= :since AND id NOT IN ${IDS}
  LIMIT :limit`,
);
