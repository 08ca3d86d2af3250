import type pg from "pg";
import { beforeAll, describe, expect, test } from "vitest";
import type { TaskStore } from "../../../src/core/model/store.ts";
import { migratePostgres } from "../../../src/stores/postgres.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import {
  change,
  completed,
  LONG_MS,
  NO_LIMITS,
  output,
  upTo,
  whole,
} from "../../../src/testing/suite/lab.ts";
import { describePostgres, newSchema, type PostgresLab } from "./lab.ts";

const TASKS_OF_USER = 100;
const TABLES = ["tasks", "events", "results", "payloads"];
const GUARD = { runningPerUser: 50, runningPerSession: 20, queuedPerUser: 100, exclusive: false };
const KEEP = { finishedPerUser: 200, finishedTtlMs: LONG_MS, followUpTtlMs: LONG_MS, followUpsPerUser: 200 };

/** A store with so many tasks, and a connection on which nothing else is asked. */
interface Filled {
  schema: string;
  pool: pg.Pool;
  store: TaskStore;
}

async function fill(lab: PostgresLab, count: number, prepare: boolean): Promise<Filled> {
  const schema = newSchema();
  const pool = lab.newPool({ max: 1 });
  await migratePostgres({ pool, schema });
  await pool.query(taskRows(`"${schema}"`, count));
  const users = Math.ceil(count / TASKS_OF_USER);
  await pool.query(
    `INSERT INTO "${schema}".events SELECT key, 1, '[{"at":1,"type":"task.started"}]', '[32]' FROM "${schema}".tasks`,
  );
  await pool.query(`INSERT INTO "${schema}".results SELECT key, '{"lossy":[]}', '1' FROM "${schema}".tasks`);
  await pool.query(`INSERT INTO "${schema}".payloads SELECT key, '1' FROM "${schema}".tasks`);
  await pool.query(
    `INSERT INTO "${schema}".turns SELECT 'u' || n, ':held', 3, 1e13 FROM generate_series(1, ${users}) n`,
  );
  await pool.query("ANALYZE");
  return { schema, pool, store: lab.newStore({ schema, pool, prepare }) };
}

/** Most are done; of each user some run, and some have follow-ups: silent ones, and ones whose session is held. */
function taskRows(s: string, count: number): string {
  const now = Date.now();
  return `INSERT INTO ${s}.tasks (
    user_id, id, session, shelf, user_shelf, shelf_at, held, details, status, version, owner, runs,
    created_at, updated_at, completed_at, follow_up_status, follow_up_mode, follow_up_attempts,
    first_seq, last_seq, log_chars, lease_ms, has_payload, has_result)
  SELECT user_id, 'filled-' || n, ':s' || n % 7, shelf, shelf || ' ' || user_id,
    CASE WHEN shelf = 'running' THEN 1e13 ELSE ${now} + n % 1000 END,
    CASE WHEN shelf = 'when_idle' THEN 3 ELSE 0 END,
    '{"agentId":null,"toolName":"t","toolCallId":"c","summary":"s","priority":1,"metadata":null}',
    CASE WHEN shelf = 'running' THEN shelf ELSE 'completed' END, 1, 'process-1', 1, n, n,
    CASE WHEN shelf = 'running' THEN NULL ELSE ${now} + n % 1000 END,
    CASE WHEN shelf IN ('silent', 'when_idle') THEN 'pending' ELSE 'none' END, 'when_idle', 0,
    1, 1, 32, 30000, false, true
  FROM generate_series(1, ${count}) n,
    LATERAL (SELECT 'u' || n % ${Math.ceil(count / TASKS_OF_USER)} AS user_id,
      (ARRAY['running', 'silent', 'when_idle'])[n / ${Math.ceil(count / TASKS_OF_USER)} % 20 + 1] AS special) AS a,
    LATERAL (SELECT coalesce(special, 'done') AS shelf) AS b`;
}

interface Touched {
  tablesFromEndToEnd: number;
  rows: number;
  blocks: number;
}

/** What has been touched so far, as PostgreSQL counts it. */
async function touched({ pool, schema }: Filled): Promise<Touched> {
  // Its counters are written now and then, and otherwise when it is asked to.
  await pool.query("SELECT pg_stat_force_next_flush()");
  const { rows } = await pool.query(
    `SELECT sum(seq_scan)::int AS "tablesFromEndToEnd", sum(seq_tup_read + idx_tup_fetch)::int AS rows,
      sum(heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit)::int AS blocks
    FROM pg_stat_user_tables JOIN pg_statio_user_tables USING (relid, schemaname, relname)
    WHERE schemaname = $1 AND relname = ANY ($2)`,
    [schema, TABLES],
  );
  return rows[0];
}

let made = 0;

/** Every call that is made while tasks run, some of them with many others in the way. */
const CALLS: Record<string, (store: TaskStore) => Promise<unknown>> = {
  insert: (store) => store.insert(newTask(), GUARD, LONG_MS),
  "insert with a key": (store) => store.insert(newTask({ duplicateKey: "k" }), GUARD, LONG_MS),
  "insert what was asked for": (store) =>
    store.insert(newTask({ idempotency: { key: "k", digest: "d" } }), GUARD, LONG_MS),
  "insert alone": (store) => store.insert(newTask(), { ...GUARD, exclusive: true }, LONG_MS),
  get: (store) => store.get({ userId: "u3" }, "filled-3"),
  list: (store) => store.list({ userId: "u3" }, { limit: 20 }),
  "list from a place": (store) =>
    store.list({ userId: "u3" }, { limit: 20, after: { createdAt: 500, id: "x" } }),
  "list a session": (store) => store.list({ userId: "u3", sessionId: "s3" }, { limit: 20 }),
  "list what runs": (store) => store.list({ userId: "u3" }, { limit: 20, status: ["running", "queued"] }),
  events: (store) => store.events({ userId: "u3" }, "filled-3", { after: 0, limit: 10 }),
  changes: (store) => {
    const known = [{ id: "filled-3", version: 0, lastSeq: 0 }];
    return store.changes(
      ["u3", "u4"].map((userId) => ({ userId, known, since: 1e13 })),
      9,
    );
  },
  result: (store) => store.result({ userId: "u3" }, "filled-3"),
  append: async (store) => store.append(await inserted(store), "process-1", [output("x")]),
  transition: async (store) => {
    const end = { ...change({ status: "completed", completedAt: 1 }, [completed]), result: whole(1) };
    return store.transition(await inserted(store), 1, end);
  },
  admit: async (store) =>
    store.admit(await inserted(store, { status: "queued" }), 1, change({ status: "running" }), GUARD),
  checkpoint: async (store) => {
    const task = newTask();
    await store.insert({ ...task, input: "1" }, NO_LIMITS, LONG_MS);
    await store.checkpoint(task.record, "process-1", "2");
    return store.payload(task.record);
  },
  renew: async (store) => store.renew("process-1", [await inserted(store)], LONG_MS),
  lapsed: (store) => store.lapsed(10),
  "claim nothing": async (store) => {
    const claim = await store.claim("me", LONG_MS, { maxTurns: 3 });
    if (claim !== undefined) throw new Error("There was something to claim.");
  },
  "claim a session that is held": (store) =>
    store.claim("me", LONG_MS, { maxTurns: 3, session: { userId: "u3", sessionId: "held" } }),
  "claim, prolong and settle": async (store) => {
    const followUp = { status: "pending", mode: "interrupt", attempts: 0, reason: null } as const;
    const record = await inserted(store, { status: "completed", completedAt: 1, followUp });
    const claim = await store.claim("me", LONG_MS, { maxTurns: 9 });
    if (claim === undefined) throw new Error("There is nothing to claim.");
    await store.prolong(claim, LONG_MS);
    await store.settle(claim, { [record.id]: { type: "acknowledge" } });
    await store.resetTurns(claim);
  },
  "hold, extend and settle": async (store) => {
    const session = { userId: "u3", sessionId: "s3" };
    const terms = { by: "user", take: true, maxHolds: 99, waitMs: 0 } as const;
    const claim = await store.hold("me", LONG_MS, session, terms);
    if ("heldBy" in claim) throw new Error("Another has it.");
    await store.hold("another", LONG_MS, session, terms);
    await store.extend(claim, ["interrupt"], 99);
    await store.stopTurn(session, "Enough.", null);
    await store.settle(claim, {}, true);
    await store.settle(claim, {});
  },
  sweep: async (store) => {
    await inserted(store, { status: "completed", completedAt: 1 });
    return store.sweep(KEEP, 100);
  },
};

function newTask(fields: Parameters<typeof makeTask>[0] = {}) {
  made += 1;
  return makeTask({ userId: `u${made % 10}`, sessionId: `new-${made}`, id: `new-${made}`, ...fields });
}

async function inserted(store: TaskStore, fields: Parameters<typeof makeTask>[0] = {}) {
  const answer = await store.insert(newTask(fields), NO_LIMITS, LONG_MS);
  if (answer.status !== "inserted") throw new Error(`The task is ${answer.status}.`);
  return answer.record;
}

describePostgres("with many tasks", (lab) => {
  describe("statements as text", () => expectFlat(lab, false));
  describe("statements that are prepared", () => expectFlat(lab, true));
});

function expectFlat(lab: PostgresLab, prepare: boolean): void {
  let few: Filled;
  let many: Filled;
  beforeAll(async () => {
    [few, many] = [await fill(lab, 2_000, prepare), await fill(lab, 60_000, prepare)];
    // A first walk meets every user.
    for (const { store } of [few, many]) while ((await store.sweep(KEEP, 100)).more);
  }, 60_000);

  describe.each(Object.entries(CALLS))("%s", (_name, call) => {
    /** The first calls of a connection are planned for their values, the others once for all. */
    const costs = async (filled: Filled): Promise<Touched> => {
      for (const _ of upTo(7)) await call(filled.store);
      const before = await touched(filled);
      for (const _ of upTo(10)) await call(filled.store);
      const { tablesFromEndToEnd, rows, blocks } = await touched(filled);
      return {
        tablesFromEndToEnd: tablesFromEndToEnd - before.tablesFromEndToEnd,
        rows: rows - before.rows,
        blocks: blocks - before.blocks,
      };
    };

    test("reads no table from end to end, and touches no more the more there are", async () => {
      const [small, large] = [await costs(few), await costs(many)];
      expect(large.tablesFromEndToEnd).toBe(0);
      expect(large.rows).toBeLessThanOrEqual(small.rows * 1.5 + 10);
      // An index that is thirty times as large is one step deeper.
      expect(large.blocks).toBeLessThanOrEqual(small.blocks * 1.5 + 10);
    });
  });

  test("a page is read in the order of its index", async () => {
    const { pool, schema } = many;
    const texts: [string, unknown[]][] = [];
    const spy = {
      query: (text: string, values: unknown[] = []) => {
        texts.push([text, values]);
        return pool.query(text, values);
      },
    };
    const store = lab.newStore({ schema, pool: spy });
    await store.get({ userId: "u3" }, "filled-3");
    await store.list({ userId: "u3" }, { limit: 20, after: { createdAt: 500, id: "x" } });
    const plans = texts.slice(-2).map(async ([text, values]) => {
      const { rows } = await pool.query(`EXPLAIN ${text}`, values);
      return rows.map((row) => row["QUERY PLAN"]).join("\n");
    });
    const [get, list] = await Promise.all(plans);
    expect(get).toContain("Index Scan using tasks_pkey");
    expect(list).toContain("Index Scan Backward using tasks_by_creation");
    expect(list).not.toContain("Sort");
  });
}
