import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { TaskOffloadError } from "../../../src/index.ts";
import { version1 } from "../../../src/stores/postgres/migrations/version-1/all.ts";
import { version2 } from "../../../src/stores/postgres/migrations/version-2.ts";
import { version3 } from "../../../src/stores/postgres/migrations/version-3.ts";
import { SCHEMA_VERSION } from "../../../src/stores/postgres/migrations.ts";
import { toRow } from "../../../src/stores/postgres/rows.ts";
import { migratePostgres } from "../../../src/stores/postgres.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import { ADA, idsOf, insert, LONG_MS, NO_LIMITS, ofTasks, upTo } from "../../../src/testing/suite/lab.ts";
import { countStatements, describePostgres, intercept, labOf, newSchema, type PostgresLab } from "./lab.ts";

const CHILD = fileURLToPath(new URL("./migrating-child.ts", import.meta.url));

function startChild(lab: PostgresLab, schema: string, id: string): ChildProcess {
  const { config } = lab.server;
  return fork(CHILD, [JSON.stringify({ config, schema, id })], { execArgv: ["--import", "tsx"] });
}

describePostgres("migrations", (pg) => {
  test("ten processes start at once on an empty database", async () => {
    const schema = newSchema();
    const children = upTo(10).map((n) => startChild(pg, schema, `task-of-${n}`));
    await Promise.all(children.map((child) => once(child, "message")));
    const ends = children.map((child) => once(child, "exit"));
    for (const child of children) child.send("go");
    expect(await Promise.all(ends)).toEqual(children.map(() => [0, null]));
    expect(await idsOf(labOf(pg.newStore({ schema })), "ada")).toHaveLength(10);
    const { rows } = await pg.pool.query(`SELECT version FROM "${schema}".migrations`);
    expect(rows).toEqual(Array.from({ length: SCHEMA_VERSION }, (_, index) => ({ version: index + 1 })));
  }, 120_000);

  test("many callers of one store migrate once, and where it is done nothing but its version is read", async () => {
    const schema = newSchema();
    const pool = pg.newPool();
    const statements = countStatements(pool);
    const isMigration = (text: string) => text.startsWith("DO");
    const store = pg.newStore({ schema, pool });
    await Promise.all(upTo(20).map(() => insert(labOf(store))));
    expect(statements.filter(isMigration)).toHaveLength(1);
    statements.splice(0);
    await pg.newStore({ schema, pool }).get(ADA, "x");
    expect(statements).toHaveLength(2);
  });

  test("a schema that is newer than this release is refused, and left as it is", async () => {
    const schema = newSchema();
    await migratePostgres({ pool: pg.pool, schema });
    await pg.pool.query(`INSERT INTO "${schema}".migrations (version) VALUES (${SCHEMA_VERSION + 1})`);
    const calls = [
      pg.newStore({ schema }).get(ADA, "x"),
      pg.newStore({ schema }).insert(makeTask(), NO_LIMITS, LONG_MS),
      migratePostgres({ pool: pg.pool, schema }),
    ];
    for (const call of await Promise.allSettled(calls)) {
      const { reason } = call as PromiseRejectedResult;
      expect(TaskOffloadError.isInstance(reason) && reason.code).toBe("not_supported");
      expect(reason.message).toContain(`"${schema}" has version ${SCHEMA_VERSION + 1}`);
    }
    const { rows } = await pg.pool.query(`SELECT count(*)::int AS count FROM "${schema}".tasks`);
    expect(rows).toEqual([{ count: 0 }]);
  });

  test("a schema of version 3 is migrated while a claim of it is under way", async () => {
    const schema = newSchema();
    const s = `"${schema}"`;
    await pg.pool.query(`CREATE SCHEMA ${s};
      CREATE TABLE ${s}.migrations (version integer PRIMARY KEY, done_at timestamptz NOT NULL DEFAULT now());
      ${version1(s)} ${version2(s)} ${version3(s)}
      INSERT INTO ${s}.migrations (version) VALUES (1), (2), (3)`);
    const followUp = { status: "pending", mode: "when_idle", attempts: 1, reason: null } as const;
    const ended = { status: "completed", completedAt: 1, sessionId: "one", followUp } as const;
    const { record } = makeTask(ended);
    const insertion = `SELECT ${s}.insert_task($1, NULL, 1000, NULL, NULL, NULL, NULL, NULL, false)`;
    await pg.pool.query(insertion, [toRow(record, { first_seq: 1, log_chars: 0 })]);
    const claiming = `SELECT FROM ${s}.claim_session('token', ${LONG_MS}, NULL, NULL, '{when_idle}', 0, 9)`;
    expect((await pg.pool.query(claiming)).rows).toHaveLength(1);
    const store = pg.newStore({ schema });
    expect((await store.get(ADA, record.id))?.followUp).toStrictEqual({
      ...followUp,
      status: "claimed",
      attempts: 2,
    });
    const claim = { userId: "ada", sessionId: "one", token: "token" };
    const terms = { by: "user", take: true, maxHolds: 1, waitMs: 0 } as const;
    expect(await store.hold("me", LONG_MS, claim, terms)).toEqual({ heldBy: "library" });
    expect(await store.prolong(claim, LONG_MS)).toEqual({ stop: null });
    // Whoever still runs the release before goes on as it was.
    const settling = `SELECT settle_claim::text AS answer FROM ${s}.settle_claim('token', '[]')`;
    expect((await pg.pool.query(settling)).rows).toHaveLength(2);
    expect(await store.hold("me", LONG_MS, claim, terms)).toMatchObject({
      turns: 0,
      tasks: [{ id: record.id, followUp: { attempts: 1, holds: 1 } }],
    });
  });

  test("two schemas stand side by side, and in each equal ids, users and locks", async () => {
    const [one, other] = [newSchema(), newSchema()].map((schema) => pg.newStore({ schema }));
    if (!one || !other) throw new Error("There are no stores.");
    const limits = { ...NO_LIMITS, runningPerUser: 1 };
    const task = makeTask({ duplicateKey: "k" });
    for (const store of [one, other]) {
      expect(await store.insert(task, limits, LONG_MS)).toMatchObject({ status: "inserted" });
    }
    await one.append(task.record, "process-1", [{ at: 1, type: "task.output", chunk: "x" }]);
    expect(await one.get(ADA, task.record.id)).toMatchObject({ lastSeq: 2 });
    expect(await other.get(ADA, task.record.id)).toMatchObject({ lastSeq: 1 });
  });

  test("a name that needs quotes names a schema of its own", async () => {
    const schema = `Order_${newSchema()}`;
    const store = pg.newStore({ schema });
    const stop = store.watch?.(ofTasks(() => {}));
    await insert(labOf(store));
    stop?.();
    await expect(pg.pool.query(`SELECT FROM "${schema.toLowerCase()}".tasks`)).rejects.toThrow();
    expect(await idsOf(labOf(store), "ada")).toHaveLength(1);
  });

  test("a role that may create nothing uses what was made beforehand", async () => {
    const schema = newSchema();
    const role = newSchema();
    await pg.pool.query(`CREATE ROLE "${role}" LOGIN PASSWORD 'secret'`);
    const pool = pg.newPool({ user: role, password: "secret" });
    await expect(pg.newStore({ schema, pool }).get(ADA, "x")).rejects.toThrow("permission denied");
    await migratePostgres({ pool: pg.pool, schema });
    await pg.pool.query(`GRANT USAGE ON SCHEMA "${schema}" TO "${role}"`);
    await pg.pool.query(
      `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "${schema}" TO "${role}"`,
    );
    const store = pg.newStore({ schema, pool });
    const record = await insert(labOf(store), { duplicateKey: "k" });
    expect(await store.get(ADA, record.id)).toEqual(record);
    await store.sweep({ finishedPerUser: 0, finishedTtlMs: 0, followUpTtlMs: 0, followUpsPerUser: 0 }, 9);
    expect(await store.claim("me", LONG_MS, {})).toBeUndefined();
    await pool.end();
    await pg.pool.query(`DROP OWNED BY "${role}"; DROP ROLE "${role}"`);
  });

  test("a migration that fails is tried again by the next call", async () => {
    const schema = newSchema();
    const pool = pg.newPool();
    let failures = 0;
    intercept(pool, (text) => {
      if (!text.startsWith("DO") || failures > 0) return;
      failures += 1;
      throw new Error("cut off");
    });
    const store = pg.newStore({ schema, pool });
    const first = await Promise.allSettled([store.get(ADA, "x"), store.get(ADA, "y")]);
    expect(first.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await store.get(ADA, "x")).toBeUndefined();
  });

  test("transactions that read from one moment are refused where limits would not hold", async () => {
    const schema = newSchema();
    const pool = pg.newPool({ options: "-c default_transaction_isolation=repeatable\\ read" });
    const store = pg.newStore({ schema, pool });
    await expect(store.insert(makeTask(), NO_LIMITS, LONG_MS)).rejects.toThrow("READ COMMITTED");
  });
});
