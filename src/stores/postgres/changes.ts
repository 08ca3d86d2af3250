import { type ChangedTask, type Changes, type ChangesQuery, LATELY_MS } from "../../core/model/changes.ts";
import type { Database } from "./database.ts";
import { fromKey, fromSessionKey, toKey } from "./keys.ts";
import { DAMAGED, INDEX, SORTED_BY, UNFINISHED, USER_INDEX } from "./names.ts";
import { type AnswerRow, statement } from "./statement.ts";

/** Finds what has changed since somebody has looked, for all queries in one statement. */
export class ChangesReading {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async read(queries: readonly ChangesQuery[], limit: number): Promise<Changes[]> {
    const asked = JSON.stringify(queries.map(toQuery));
    const answers = await this.#database.askAll(CHANGES, { queries: asked, limit, lately: LATELY_MS });
    return answers.map(({ known, others, next }) => {
      const tasks = (known ?? [])
        .filter((row) => row.session !== null)
        .concat((others ?? []).slice(0, limit));
      const gone = (known ?? []).filter(({ session }) => session === null).map(({ id }) => fromKey(id));
      return { tasks: tasks.map(toTask), gone, more: (others?.length ?? 0) > limit, next };
    });
  }
}

/** `session: null`: it is gone. */
type ChangedRow = Omit<ChangedTask, "sessionId"> & { session: string | null };

interface Answer {
  known: ChangedRow[] | null;
  others: ChangedRow[] | null;
  next: number;
}

function toQuery({ userId, known, since }: ChangesQuery) {
  const places = known.map(({ id, version, lastSeq }) => ({ id: toKey(id), version, seq: lastSeq }));
  return { user: toKey(userId), known: places, others: since !== undefined, since: since ?? null };
}

function toTask({ id, session, ...rest }: ChangedRow): ChangedTask {
  return { ...rest, id: fromKey(id), sessionId: fromSessionKey(session ?? "") };
}

const CHANGED = `'session', t.session, 'version', t.version, 'lastSeq', t.last_seq, 'status', t.status,
  'followUp', t.follow_up_status, 'endedAt', CASE WHEN t.status NOT IN ${UNFINISHED} THEN t.${SORTED_BY} END`;

const LIVE = ["queued", "running", "input_required", "when_idle", "interrupt", "silent"];

/** A user's index of this name. The collation is that of the column. */
const indexOf = (name: string) => `('${name} ' || q."user") COLLATE "C"`;

/** Other tasks in some indexes of the user. Of thousands that are known, each is looked up in an object and not in a list. */
const others = (tasks: string, where: string) =>
  `(SELECT t.* FROM ${tasks} t WHERE ${where} AND NOT known.ids ? t.id LIMIT :limit::bigint + 1)`;

/** The answers to queries, which are JSON, in their order. */
const CHANGES = statement<"queries" | "limit" | "lately", AnswerRow<Answer>>(
  ({ tasks, now }) => `SELECT json_build_object(
    'next', ${now} - :lately::float8,
    'known', (SELECT json_agg(json_build_object('id', k.id, ${CHANGED}))
      FROM json_to_recordset(q.known) AS k (id text, version bigint, seq bigint)
      LEFT JOIN ${tasks} t ON t.user_id = q."user" COLLATE "C" AND t.id = k.id COLLATE "C" AND t.${INDEX} <> '${DAMAGED}'
      WHERE t.id IS NULL OR (t.version, t.last_seq) > (k.version, k.seq)),
    'others', CASE WHEN q.others THEN (SELECT json_agg(json_build_object('id', t.id, ${CHANGED}))
      FROM (SELECT * FROM (
        ${others(tasks, `t.${USER_INDEX} IN (${LIVE.map(indexOf)})`)} UNION ALL
        ${others(tasks, `t.${USER_INDEX} = ${indexOf("done")} AND t.${SORTED_BY} >= coalesce(q.since, ${now} - :lately::float8)`)}
      ) t LIMIT :limit::bigint + 1) t) END)::text AS answer
    FROM ROWS FROM (json_to_recordset(:queries::json) AS ("user" text, known json, others boolean, since float8))
      WITH ORDINALITY AS q ("user", known, others, since, ord)
      CROSS JOIN LATERAL (SELECT coalesce(jsonb_object_agg(k.id, 1), '{}') AS ids
        FROM json_to_recordset(q.known) AS k (id text)) AS known
    ORDER BY q.ord`,
);
