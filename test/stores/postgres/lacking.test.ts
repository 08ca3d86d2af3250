import type pg from "pg";
import { expect, test } from "vitest";
import { TaskOffloadError } from "../../../src/index.ts";
import { FUNCTIONS } from "../../../src/stores/postgres/lacked.ts";
import { migratePostgres, type PostgresPoolLike } from "../../../src/stores/postgres.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import {
  ADA,
  change,
  completed,
  insert,
  LONG_MS,
  NO_LIMITS,
  ofTasks,
  whole,
} from "../../../src/testing/suite/lab.ts";
import { until } from "../../support/until.ts";
import { describePostgres, labOf, listening, newSchema } from "./lab.ts";

describePostgres("what a store may not do, or does not find", (lab) => {
  const run = (sql: string) => lab.pool.query(sql);
  const migrated = async () => {
    const schema = newSchema();
    await migratePostgres({ pool: lab.pool, schema });
    return schema;
  };
  /** A role that has what the manual asks for. */
  const roleFor = async (schema: string): Promise<[role: string, pool: pg.Pool]> => {
    const role = newSchema();
    await run(`CREATE ROLE "${role}" LOGIN PASSWORD 'secret'; GRANT USAGE ON SCHEMA "${schema}" TO "${role}";
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "${schema}" TO "${role}"`);
    return [role, lab.newPool({ user: role, password: "secret" })];
  };
  /** What the first call of a store says, and whether anything was written. */
  const firstCall = async (schema: string, pool: PostgresPoolLike) => {
    const error = await lab
      .newStore({ schema, pool })
      .insert(makeTask(), NO_LIMITS, LONG_MS)
      .catch((reason) => reason);
    expect(TaskOffloadError.isInstance(error) && error.code).toBe("not_supported");
    return error.message;
  };
  const countOf = async (schema: string) =>
    (await run(`SELECT count(*)::int AS count FROM "${schema}".tasks`)).rows[0].count;

  test("every privilege that was withdrawn is named before anything is written", async () => {
    const schema = await migrated();
    const [role, pool] = await roleFor(schema);
    const s = `"${schema}"`;
    await run(`REVOKE UPDATE ON ${s}.results FROM "${role}"; REVOKE INSERT, DELETE ON ${s}.events FROM "${role}";
      REVOKE EXECUTE ON FUNCTION ${s}.settle_claim FROM PUBLIC`);
    expect(await firstCall(schema, pool)).toContain(
      `lacks there: DELETE on ${s}.events, EXECUTE on ${s}.settle_claim, INSERT on ${s}.events, UPDATE on ${s}.results. `,
    );
    expect(await countOf(schema)).toBe(0);
    await run(`GRANT UPDATE ON ${s}.results TO "${role}"; GRANT INSERT, DELETE ON ${s}.events TO "${role}";
      GRANT EXECUTE ON FUNCTION ${s}.settle_claim TO "${role}"`);
    const store = lab.newStore({ schema, pool });
    expect(await insert(labOf(store))).toMatchObject({ status: "running" });
    await pool.end();
    await run(`DROP OWNED BY "${role}"; DROP ROLE "${role}"`);
  });

  test.each(["tasks", "events", "results", "payloads", "claims", "turns"])(
    "that %s is missing is said before anything is written, and the store works once it is back",
    async (table) => {
      const schema = await migrated();
      await run(`ALTER TABLE "${schema}".${table} RENAME TO gone`);
      const store = lab.newStore({ schema });
      await expect(store.get(ADA, "x")).rejects.toThrow(
        `the table "${schema}".${table}. Nothing was written`,
      );
      await run(`ALTER TABLE "${schema}".gone RENAME TO ${table}`);
      expect(await store.get(ADA, "x")).toBeUndefined();
    },
  );

  test("a function that is missing is named", async () => {
    const schema = await migrated();
    await run(`DROP FUNCTION "${schema}".change_task; DROP FUNCTION "${schema}".weights_of`);
    expect(await firstCall(schema, lab.pool)).toContain(
      `the function "${schema}".change_task, the function "${schema}".weights_of`,
    );
  });

  test("a lock that was withdrawn from everybody is named", async ({ skip }) => {
    if (!lab.server.isOwn) skip();
    const schema = await migrated();
    const [role, pool] = await roleFor(schema);
    await run("REVOKE EXECUTE ON FUNCTION pg_try_advisory_lock(bigint) FROM PUBLIC");
    expect(await firstCall(schema, pool)).toContain("EXECUTE on pg_try_advisory_lock(bigint)");
    await run("GRANT EXECUTE ON FUNCTION pg_try_advisory_lock(bigint) TO PUBLIC");
    await pool.end();
    await run(`DROP OWNED BY "${role}"; DROP ROLE "${role}"`);
  });

  test("the functions that are looked for are all that there are", async () => {
    const schema = await migrated();
    const { rows } = await run(
      `SELECT proname FROM pg_proc WHERE pronamespace = to_regnamespace('"${schema}"') ORDER BY proname`,
    );
    expect(rows.map(({ proname }) => proname)).toEqual([...FUNCTIONS].sort());
  });

  test("a database that is read-only is called so, and is used when it no longer is", async () => {
    const schema = await migrated();
    const pool = lab.newPool({ max: 1 });
    await pool.query("SET default_transaction_read_only = on");
    expect(await firstCall(schema, pool)).toContain("a database that is not read-only");
    await pool.query("SET default_transaction_read_only = off");
    expect(await insert(labOf(lab.newStore({ schema, pool })))).toMatchObject({ status: "running" });
  });

  test("a notice that is refused harms no write, and the next one goes out", async () => {
    const schema = await migrated();
    let refusals = 0;
    const query: PostgresPoolLike["query"] = async (text, values) => {
      if (!text.includes("pg_notify")) return lab.pool.query(text, values);
      refusals += 1;
      if (refusals <= 2) throw new Error("too many notifications in the NOTIFY queue");
      return lab.pool.query(text, values);
    };
    const [store, other] = [lab.newStore({ schema }), lab.newStore({ schema, pool: { query } })];
    const statuses: string[] = [];
    const stop = store.watch?.(ofTasks(({ status }) => void statuses.push(status)));
    await until(async () => expect(await listening(lab, schema)).toBe(1));
    const record = await insert(labOf(other));
    await until(() => expect(refusals).toBe(1));
    const end = { ...change({ status: "completed", completedAt: 1 }, [completed]), result: whole("kept") };
    await other.transition(record, 1, end);
    await until(() => expect(refusals).toBe(2));
    expect(await store.get(ADA, record.id)).toMatchObject({ status: "completed", lastSeq: 2 });
    expect(await store.result(ADA, record.id)).toEqual(whole("kept"));
    await insert(labOf(other), { status: "queued" });
    await until(() => expect(statuses).toEqual(["queued"]));
    stop?.();
  });
});
