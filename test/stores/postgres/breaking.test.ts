import type { PoolClient } from "pg";
import { expect, test } from "vitest";
import { makeTask } from "../../../src/testing/make-task.ts";
import {
  ADA,
  finishPending,
  insert,
  LONG_MS,
  NO_LIMITS,
  ofTasks,
  output,
  upTo,
} from "../../../src/testing/suite/lab.ts";
import { until } from "../../support/until.ts";
import { describePostgres, intercept, labOf, newSchema } from "./lab.ts";

describePostgres("a server that breaks", (pg) => {
  test("calls reject while it is gone, and work again; hints come back; nothing written is missing", async ({
    skip,
  }) => {
    if (!pg.server.isOwn) skip();
    const schema = newSchema();
    const [store, other] = [pg.newStore({ schema }), pg.newStore({ schema, pool: pg.newPool() })];
    const hints: string[] = [];
    const stop = store.watch?.(ofTasks(({ id }) => void hints.push(id)));
    const before = await insert(labOf(other));
    await expectHints(() => other.append(before, "process-1", [output("before")]));
    const calls = keepCalling(() => store.append(before, "process-1", [output("x")]));
    await pg.server.crash();
    const after = await until(() => insert(labOf(other)));
    expect((await calls.end()).filter((error) => error instanceof Error)).not.toEqual([]);
    expect(await store.get(ADA, before.id)).toMatchObject({ id: before.id });
    hints.splice(0);
    await expectHints(() => other.append(after, "process-1", [output("after")]));
    stop?.();

    /** Whoever has only just begun to listen may have missed the first. */
    function expectHints(write: () => Promise<unknown>): Promise<void> {
      return until(async () => {
        await write();
        expect(hints).not.toEqual([]);
      });
    }
  }, 60_000);

  test("a connection that is ended in the moment it is taken for listening harms nobody", async () => {
    const schema = newSchema();
    const pool = pg.newPool();
    const [store, other] = [pg.newStore({ schema, pool }), pg.newStore({ schema })];
    const record = await insert(labOf(other));
    await store.get(ADA, record.id);
    // Before any promise of the pool can be heard of.
    const end = (client: PoolClient) => process.nextTick(() => client.emit("error", new Error("terminated")));
    pool.once("acquire", end);
    const hints: string[] = [];
    const stop = store.watch?.(ofTasks(({ id }) => void hints.push(id)));
    const heard = async () => {
      await other.append(record, "process-1", [output("x")]);
      expect(hints).toContain(record.id);
    };
    await until(heard);
    expect(pool.listeners("acquire")).toEqual([]);
    stop?.();
  }, 60_000);

  test("what is claimed, leased and counted survives", async ({ skip }) => {
    if (!pg.server.isOwn) skip();
    const schema = newSchema();
    const store = pg.newStore({ schema });
    const record = await finishPending(labOf(store));
    const claim = await store.claim("me", LONG_MS, { maxTurns: 9 });
    await pg.server.crash();
    await until(() => store.get(ADA, record.id));
    expect(await store.claim("me", LONG_MS, {})).toBeUndefined();
    expect(claim && (await store.settle(claim, { [record.id]: { type: "acknowledge" } }))).toHaveLength(1);
    await finishPending(labOf(store));
    expect(await store.claim("me", LONG_MS, {})).toMatchObject({ turns: 1 });
  }, 60_000);

  test("a connection that is cut rejects the call that was under way, and no other", async () => {
    const schema = newSchema();
    const store = pg.newStore({ schema, pool: pg.newPool({ max: 1 }) });
    await store.get(ADA, "x");
    await pg.pool.query(`CREATE FUNCTION "${schema}".hang() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN PERFORM pg_sleep(60); RETURN NULL; END';
      CREATE TRIGGER hang AFTER INSERT ON "${schema}".tasks FOR EACH STATEMENT EXECUTE FUNCTION "${schema}".hang()`);
    const { record } = makeTask();
    const insertion = store.insert({ record, events: [] }, NO_LIMITS, LONG_MS).catch((error) => error);
    const waiting = store.get(ADA, record.id);
    await until(async () => {
      const text = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE wait_event = 'PgSleep' AND query LIKE $1`;
      expect((await pg.pool.query(text, [`%${schema}%`])).rows).toHaveLength(1);
    });
    expect(await insertion).toBeInstanceOf(Error);
    expect(await waiting).toBeUndefined();
  });
});

describePostgres("a statement that others get in the way of", (pg) => {
  /** Inserts a task by a pool that fails so many times, and tells how each time was asked. */
  const insertBy = async (code: string, times: number, prepare?: boolean) => {
    const pool = pg.newPool();
    const asked: ("prepared" | "text")[] = [];
    intercept(pool, (text, isPrepared) => {
      if (!text.includes(".insert_task($1")) return;
      asked.push(isPrepared ? "prepared" : "text");
      if (asked.length <= times) throw Object.assign(new Error("in the way"), { code });
    });
    const store = pg.newStore({ pool, prepare });
    const insertion = store.insert(makeTask(), NO_LIMITS, LONG_MS);
    const status = await insertion.then((answer) => answer.status).catch((error) => error.message);
    return { status, asked };
  };

  test.each(["40001", "40P01"])("%s is tried again", async (code) => {
    const { status, asked } = await insertBy(code, 3);
    expect(status).toBe("inserted");
    expect(asked).toHaveLength(4);
  });

  test("not for ever, and nothing else is", async () => {
    const answers = [await insertBy("40P01", 99), await insertBy("57P01", 1), await insertBy("", 1)];
    expect(answers.map(({ status }) => status)).toEqual(["in the way", "in the way", "in the way"]);
    expect(answers.map(({ asked }) => asked.length)).toEqual([5, 1, 1]);
  });

  test.each(["26000", "42P05"])("%s: statements are no longer prepared", async (code) => {
    expect(await insertBy(code, 1)).toEqual({ status: "inserted", asked: ["prepared", "text"] });
    expect(await insertBy(code, 1, false)).toEqual({ status: "in the way", asked: ["text"] });
  });

  test("a real deadlock ends with both writes made", async () => {
    const schema = newSchema();
    const store = pg.newStore({ schema });
    const records = await Promise.all(upTo(2).map(() => insert(labOf(store))));
    const [one, two] = records;
    if (!one || !two) throw new Error("There are no tasks.");
    const client = await pg.newPool().connect();
    await client.query("BEGIN");
    const touch = `UPDATE "${schema}".tasks SET runs = runs WHERE id = $1`;
    await client.query(touch, [two.id]);
    // The renewal holds the first task and waits for the second.
    const renewal = store.renew("process-1", records, LONG_MS);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const crossing = client.query(touch, [one.id]).then(
      () => client.query("COMMIT"),
      () => client.query("ROLLBACK"),
    );
    expect(await renewal).toHaveLength(2);
    await crossing;
    client.release();
  });
});

/** Calls again and again, and tells what came of it. */
function keepCalling(call: () => Promise<unknown>): { end(): Promise<unknown[]> } {
  const answers: unknown[] = [];
  let isOver = false;
  const run = async () => {
    while (!isOver) {
      answers.push(await call().catch((error) => error));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return answers;
  };
  const running = run();
  return {
    end: () => {
      isOver = true;
      return running;
    },
  };
}
