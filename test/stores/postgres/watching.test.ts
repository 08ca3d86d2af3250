import { expect, test } from "vitest";
import type { TaskStore } from "../../../src/core/model/store.ts";
import {
  BackgroundTaskManager,
  type BackgroundTaskManagerOptions,
  ToolOffloadMiddleware,
} from "../../../src/index.ts";
import { type PostgresPoolLike, postgresStore } from "../../../src/stores/postgres.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import {
  ADA,
  change,
  completed,
  insert,
  LONG_MS,
  NO_LIMITS,
  ofTasks,
  output,
  progress,
  transition,
  upTo,
  whole,
} from "../../../src/testing/suite/lab.ts";
import { until } from "../../support/until.ts";
import { countStatements, describePostgres, labOf, listening, newSchema } from "./lab.ts";

/** Long enough for what should not come to have come. */
const quiet = (ms = 100) => new Promise((resolve) => setTimeout(resolve, ms));

describePostgres("hints", (pg) => {
  const pair = (schema = newSchema()): [TaskStore, TaskStore] => [
    pg.newStore({ schema }),
    pg.newStore({ schema, pool: pg.newPool() }),
  ];
  const settled = (schema: string, count: number) =>
    until(async () => expect(await listening(pg, schema)).toBe(count));

  test("a store hears of what others write, once, in order and whole", async () => {
    const schema = newSchema();
    const [store, other] = pair(schema);
    const hints: unknown[] = [];
    const stop = store.watch?.(ofTasks((hint) => void hints.push(hint)));
    await settled(schema, 1);
    const record = await insert(labOf(other), { sessionId: "\0 é" });
    for (const n of upTo(30)) await other.append(record, "process-1", [progress(n), output("x")]);
    const hint = { id: record.id, userId: "ada", sessionId: "\0 é", status: "running", followUp: "none" };
    await until(() => expect(hints).toHaveLength(31));
    expect(hints[0]).toEqual({ ...hint, firstSeq: 1, lastSeq: 1 });
    expect(hints.slice(1)).toEqual(upTo(30).map((n) => ({ ...hint, firstSeq: 2 * n, lastSeq: 2 * n + 1 })));
    stop?.();
  });

  test("its own writes it tells at once, and once", async () => {
    const schema = newSchema();
    const [store] = pair(schema);
    const hints: number[] = [];
    const stop = store.watch?.(ofTasks(({ lastSeq }) => void hints.push(lastSeq)));
    const record = await insert(labOf(store));
    expect(hints).toEqual([1]);
    await settled(schema, 1);
    await store.append(record, "process-1", [output("x")]);
    await quiet();
    expect(hints).toEqual([1, 2]);
    stop?.();
  });

  test("one connection listens, while somebody wants to know, and is given back", async () => {
    const schema = newSchema();
    const pool = pg.newPool({ max: 3 });
    const store = pg.newStore({ schema, pool });
    await store.get(ADA, "x");
    const stops = upTo(5).map(() => store.watch?.(ofTasks(() => {})));
    await settled(schema, 1);
    await quiet();
    expect(await listening(pg, schema)).toBe(1);
    for (const stop of stops) stop?.();
    await settled(schema, 0);
    await until(() => expect(pool.idleCount).toBe(pool.totalCount));
    const again = store.watch?.(ofTasks(() => {}));
    await settled(schema, 1);
    again?.();
  });

  test("a listener that is lost is found again, and the store is not disturbed", async () => {
    const schema = newSchema();
    const [store, other] = pair(schema);
    const hints: string[] = [];
    const stop = store.watch?.(ofTasks(({ id }) => void hints.push(id)));
    await settled(schema, 1);
    await pg.pool.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_advisory_lock_shared%' AND query LIKE $1",
      [`%${schema}%`],
    );
    await settled(schema, 1);
    const record = await until(async () => {
      const written = await insert(labOf(other));
      expect(hints).not.toEqual([]);
      return written;
    });
    expect(await store.get(ADA, record.id)).toEqual(record);
    stop?.();
  });

  test("nobody is notified where nobody listens; a lifecycle is three statements", async () => {
    const pool = pg.newPool();
    const store = pg.newStore({ pool });
    const lab = labOf(store);
    await store.get(ADA, "x");
    const statements = countStatements(pool);
    const record = await insert(lab);
    await store.append(record, "process-1", [progress(1)]);
    await transition(lab, record, {
      ...change({ status: "completed", completedAt: 9 }, [completed]),
      result: whole(1),
    });
    await quiet();
    expect(statements).toHaveLength(3);
    expect(statements.filter((text) => text.includes("pg_notify"))).toEqual([]);
  });

  test("what was told last is sent before the store is closed", async () => {
    const schema = newSchema();
    const [store, other] = pair(schema);
    const hints: string[] = [];
    const stop = store.watch?.(ofTasks(({ id }) => void hints.push(id)));
    await settled(schema, 1);
    const { record } = makeTask();
    await other.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
    await other.close();
    await until(() => expect(hints).toEqual([record.id]));
    stop?.();
  });

  test("a hint that is too long for the channel keeps no other back", async () => {
    const schema = newSchema();
    const store = pg.newStore({ schema });
    // Notices wait for the one before, and so go together.
    const query: PostgresPoolLike["query"] = async (text, values) => {
      if (text.includes("pg_notify")) await quiet(200);
      return pg.pool.query(text, values);
    };
    const other = pg.newStore({ schema, pool: { query } });
    const hints: string[] = [];
    const stop = store.watch?.(ofTasks(({ id }) => void hints.push(id)));
    await settled(schema, 1);
    const sessionId = "é".repeat(5_000);
    const tasks = upTo(12).map((n) => makeTask(n % 2 === 0 ? { sessionId } : {}));
    await Promise.all(tasks.map((task) => other.insert(task, NO_LIMITS, LONG_MS)));
    const short = tasks.filter(({ record }) => record.sessionId !== sessionId).map(({ record }) => record.id);
    await until(() => expect([...hints].sort()).toEqual(short.sort()));
    expect((await store.list({ userId: "ada", sessionId }, { limit: 9 })).records).toHaveLength(6);
    stop?.();
  });

  test("without them there is nothing to watch, and nothing is sent", async () => {
    const { pool } = pg;
    const query = pool.query.bind(pool);
    const schema = newSchema();
    const stores = [
      pg.newStore({ schema, notify: false }),
      pg.newStore({ pool: { query } }),
      pg.newStore({ pool: pg.newPool({ max: 1 }) }),
    ];
    for (const store of stores) expect(store.watch).toBeUndefined();
    const [silent] = stores;
    const hints: unknown[] = [];
    const stop = pg.newStore({ schema }).watch?.(ofTasks((hint) => void hints.push(hint)));
    await settled(schema, 1);
    if (silent) await insert(labOf(silent));
    await quiet();
    expect(hints).toEqual([]);
    stop?.();
  });
});

describePostgres("closing", (pg) => {
  test("gives its connection back, leaves the pool open, and is not disturbed by late stops", async () => {
    const schema = newSchema();
    const pool = pg.newPool();
    const store = postgresStore({ pool, schema });
    const stop = store.watch?.(ofTasks(() => {}));
    await until(async () => expect(await listening(pg, schema)).toBe(1));
    await store.close();
    expect(pool.idleCount).toBe(pool.totalCount);
    expect(await listening(pg, schema)).toBe(0);
    stop?.();
    store.watch?.(ofTasks(() => {}))();
    expect((await pool.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    await pool.end();
  });

  test.each([0, 1, 5, 20, 60])("while it is about to listen, after %i ms", async (ms) => {
    const pool = pg.newPool();
    const store = postgresStore({ pool, schema: newSchema() });
    store.watch?.(ofTasks(() => {}));
    await quiet(ms);
    await store.close();
    await until(() => expect(pool.idleCount).toBe(pool.totalCount));
    await pool.end();
  });

  test("waits neither for a connection nor for a notice that does not come", async () => {
    const schema = newSchema();
    const pool = pg.newPool({ max: 2 });
    const query: PostgresPoolLike["query"] = (text, values) =>
      text.includes("pg_notify") ? new Promise(() => {}) : pg.pool.query(text, values);
    const listener = pg.newStore({ schema });
    const stop = listener.watch?.(ofTasks(() => {}));
    await until(async () => expect(await listening(pg, schema)).toBe(1));
    const store = postgresStore({ pool: { query, connect: () => pool.connect() }, schema });
    await insert(labOf(store));
    const taken = [await pool.connect(), await pool.connect()];
    store.watch?.(ofTasks(() => {}));
    await quiet();
    await store.close();
    for (const client of taken) client.release();
    await until(() => expect([pool.idleCount, pool.waitingCount]).toEqual([2, 0]));
    stop?.();
  });

  test("ends what is under way, and rejects what comes after", async () => {
    const store = postgresStore({ pool: pg.pool, schema: newSchema() });
    const { record } = makeTask();
    const insertion = store.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
    const closing = store.close();
    const late = store.get(ADA, record.id);
    await expect(late).rejects.toThrow("The store is closed.");
    expect(await insertion).toMatchObject({ status: "inserted" });
    await closing;
  });
});

describePostgres("managers on one schema", (pg) => {
  const managerOn = (schema: string, options: BackgroundTaskManagerOptions = {}) =>
    new BackgroundTaskManager({
      store: pg.newStore({ schema, pool: pg.newPool() }),
      // The first call makes the schema.
      storeTimeoutMs: 15_000,
      ...options,
    });

  test("what one offloads and completes, the other sees, waits for and reads", async () => {
    const schema = newSchema();
    const [tasks, others] = [managerOn(schema), managerOn(schema)];
    const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 0 });
    let end = (_value: string) => {};
    const outcome = await offload.run(
      { toolName: "search", input: { query: "otters" }, scope: { userId: "ada", sessionId: "one" } },
      (_input, context) => {
        context.report({ value: 1, total: 2 });
        return new Promise<string>((resolve) => {
          end = resolve;
        });
      },
    );
    if (outcome.status !== "offloaded") throw new Error("The call was not offloaded.");
    const { id } = outcome.task;
    expect(await others.get(ADA, id)).toMatchObject({
      status: "running",
      summary: expect.stringContaining("otters"),
    });
    const waiting = others.wait(ADA, [id], { timeoutMs: 10_000 });
    await quiet(50);
    end("found");
    expect(await waiting).toMatchObject([{ id, status: "completed", followUp: { status: "pending" } }]);
    expect(await others.result(ADA, id)).toMatchObject({ status: "completed", value: "found" });
    const { events } = await others.events(ADA, id);
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(["task.progress", "task.completed"]),
    );
    await Promise.all([tasks.close(), others.close()]);
  });
});
