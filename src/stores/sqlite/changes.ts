import { type ChangedTask, type Changes, type ChangesQuery, LATELY_MS } from "../../core/model/changes.ts";
import { changedTask } from "../shared/changed-task.ts";
import type { Connection } from "./connection.ts";
import { RECORD, type RecordRow } from "./entry.ts";
import type { FileTime } from "./file-time.ts";
import { ENDED_AT, INDEX, IS_NOT_ASIDE, IS_UNFINISHED, TASKS, TASKS_BY } from "./names.ts";
import { DamagedRow, readEntry } from "./read-entry.ts";
import { statement } from "./statement.ts";
import { encodeText } from "./text.ts";

/** Finds what has changed since somebody has looked. */
export class ChangesReading {
  readonly #connection: Connection;
  readonly #time: FileTime;

  constructor(connection: Connection, time: FileTime) {
    this.#connection = connection;
    this.#time = time;
  }

  read({ userId, known, since }: ChangesQuery, limit: number, met: DamagedRow[]): Changes {
    const next = this.#time.now() - LATELY_MS;
    const places = known.map(({ id, version, lastSeq }) => [encodeText(id), version, lastSeq]);
    const values = { userId: encodeText(userId), known: JSON.stringify(places) };
    const tasks = changedIn(this.#connection.all(CHANGED, values), met);
    const gone = this.#connection.all(GONE, values).flatMap(({ at }) => known[at]?.id ?? []);
    if (since === undefined) return { tasks, gone, more: false, next };
    const rows = this.#connection.all(OTHERS, { ...values, since: since ?? next, limit: limit + 1 });
    const others = changedIn(rows, met);
    return { tasks: tasks.concat(others.slice(0, limit)), gone, more: others.length > limit, next };
  }
}

function changedIn(rows: readonly ChangedRow[], met: DamagedRow[]): ChangedTask[] {
  return rows.flatMap((row) => {
    const entry = readEntry(row);
    if (!(entry instanceof DamagedRow)) return changedTask(entry.record, entry.endedAt);
    met.push(entry);
    return [];
  });
}

type ChangedRow = RecordRow & { endedAt: number };

const COLUMNS = `${RECORD}, ${ENDED_AT} AS endedAt`;

/** Tasks that are known, as JSON: of each its id, version and seq. */
const KNOWN = "json_each(:known) AS known";
const KNOWN_ID = "json_extract(known.value, '$[0]')";

/** With each that is known the task that there is, if it is this user's. */
const KNOWN_TASKS = `${KNOWN} CROSS JOIN ${TASKS} AS task
  ON task.id = ${KNOWN_ID} AND task.userId = :userId AND task.${IS_NOT_ASIDE}`;

/** A condition: it stands where it was known to. Of a damaged one that cannot be said. */
const IS_AS_KNOWN = `json_valid(task.kept)
  AND (json_extract(task.kept, '$.record.version'), json_extract(task.kept, '$.record.lastSeq'))
    <= (json_extract(known.value, '$[1]'), json_extract(known.value, '$[2]'))`;

/** Known tasks that are further: most are not, and the others are neither loaded nor parsed. */
const CHANGED = statement<"userId" | "known", ChangedRow>(
  `SELECT ${COLUMNS} FROM ${TASKS} WHERE key IN
    (SELECT task.key FROM ${KNOWN_TASKS} WHERE (${IS_AS_KNOWN}) IS NOT TRUE)`,
);

/** Those that are not there, by their place among the known. */
const GONE = statement<"userId" | "known", { at: number }>(
  `SELECT known.key AS at FROM ${KNOWN} WHERE NOT EXISTS
    (SELECT 1 FROM ${TASKS} WHERE id = ${KNOWN_ID} AND userId = :userId AND ${IS_NOT_ASIDE})`,
);

const IS_UNKNOWN = `id NOT IN (SELECT ${KNOWN_ID} FROM ${KNOWN})`;

/** A user's other tasks that may still change, or have ended since a moment. */
const OTHERS = statement<"userId" | "known" | "since" | "limit", ChangedRow>(
  `SELECT ${COLUMNS} FROM ${TASKS_BY.unfinished} WHERE userId = :userId AND ${IS_UNFINISHED} AND ${IS_UNKNOWN}
  UNION ALL
  SELECT ${COLUMNS} FROM ${TASKS_BY.outstanding}
    WHERE userId = :userId AND mode IS NOT NULL AND ${IS_NOT_ASIDE} AND ${IS_UNKNOWN}
  UNION ALL
  SELECT ${COLUMNS} FROM ${TASKS_BY.endOfDone}
    WHERE userId = :userId AND ${INDEX} = 'done' AND ${ENDED_AT} >= :since AND ${IS_UNKNOWN}
  LIMIT :limit`,
);
