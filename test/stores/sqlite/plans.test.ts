import { describe, expect, test } from "vitest";
import type { SessionKey } from "../../../src/core/model/session-claim.ts";
import type { TaskScope, TaskStatus } from "../../../src/core/model/task.ts";
import {
  type SqliteDatabaseLike,
  type SqliteStatementLike,
  type SqliteValue,
  sqliteStore,
} from "../../../src/stores/sqlite.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import {
  change,
  completed,
  LONG_MS,
  NO_LIMITS,
  ofTasks,
  output,
  upTo,
  whole,
} from "../../../src/testing/suite/lab.ts";
import { DRIVERS } from "./lab.ts";

/** Each has a handful of rows, whatever is in the database. */
const TINY =
  /SCAN (json_each|known VIRTUAL TABLE|offload_watchers|sqlite_master|\d+ CONSTANT ROWS|\d+-ROW VALUES)/;
/** As good as a scan: all tasks that have ended. */
const WHOLE_INDEX = /offload_tasks_ended \(shelf=\?\)$/;
/** Queries that put few rows in order: unfinished tasks of one user; a user's follow-ups. */
const SORTS_FEW = [
  "INDEXED BY offload_tasks_unfinished WHERE userId = ? AND shelf IS NOT 'damaged'",
  "WHERE userId = ? AND mode IS NOT NULL AND shelf = 'pending'",
];

const idempotency = { key: "k", digest: "d" };
const followUp = { status: "pending", mode: "when_idle", attempts: 0, reason: null } as const;
const strict = { runningPerUser: 9, runningPerSession: 9, queuedPerUser: 9, exclusive: true };

/** A name in a text that no caller has a value for would be bound as nothing. */
function withEveryValue(statement: SqliteStatementLike): SqliteStatementLike {
  const checked = <T>(values: SqliteValue[], go: (...values: SqliteValue[]) => T): T => {
    expect(values).not.toContain(undefined);
    return go(...values);
  };
  return {
    run: (...values) => checked(values, (...all) => statement.run(...all)),
    get: (...values) => checked(values, (...all) => statement.get(...all)),
    all: (...values) => checked(values, (...all) => statement.all(...all)),
  };
}

describe.each(DRIVERS)("no query looks through a table, on $name", ({ open }) => {
  test.each(["without statistics", "with statistics"])("%s", async (kind) => {
    const database = open(":memory:");
    const asked = new Set<string>();
    const prepare = (sql: string) => {
      asked.add(sql);
      return withEveryValue(database.prepare(sql));
    };
    const spied = { prepare, exec: (sql: string) => database.exec(sql), close: () => undefined };
    await useEverything(spied);
    if (kind === "with statistics") await fill(database);
    if (kind === "with statistics") database.exec("ANALYZE");
    const queries = [...asked].filter((sql) => /SELECT|UPDATE|DELETE/.test(sql));
    expect(queries.length).toBeGreaterThan(50);
    for (const part of SORTS_FEW)
      expect(
        queries.some((sql) => sql.includes(part)),
        part,
      ).toBe(true);
    for (const sql of queries) {
      const plan = planOf(database, sql);
      expect(
        plan.filter((step) => step.startsWith("SCAN") && !TINY.test(step)),
        sql,
      ).toEqual([]);
      expect(
        plan.filter((step) => WHOLE_INDEX.test(step)),
        sql,
      ).toEqual([]);
      const sorts = plan.some((step) => step.includes("TEMP B-TREE"));
      expect(sorts, sql).toBe(SORTS_FEW.some((part) => sql.includes(part)));
    }
  });
});

function planOf(database: SqliteDatabaseLike, sql: string): string[] {
  const values = Array((sql.match(/\?/g) ?? []).length).fill(0);
  const rows = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values) as { detail: string }[];
  return rows.map(({ detail }) => detail);
}

/** Calls every method, so that every query is made. */
async function useEverything(database: SqliteDatabaseLike): Promise<void> {
  const store = sqliteStore({ database });
  const stop = store.watch?.(ofTasks(() => undefined));
  const [one, two] = [
    makeTask({ duplicateKey: "key", idempotency }),
    makeTask({ status: "queued", sessionId: null }),
  ];
  await store.insert({ ...one, input: "1" }, strict, LONG_MS);
  await store.insert(two, strict, LONG_MS);
  await store.insert(makeTask({ duplicateKey: "key" }), strict, LONG_MS);
  await store.insert(makeTask({ idempotency }), strict, LONG_MS);
  await store.checkpoint(one.record, "process-1", "2");
  for (const read of [store.payload, store.renew.bind(store, "process-1", [one.record])])
    await read(one.record as never);
  await store.append(
    one.record,
    "process-1",
    upTo(1_100).map(() => output("")),
  );
  await store.lapsed(9);
  await readAll(store, one.record.id);
  await store.admit(two.record, 1, change({ status: "running" }), strict);
  const end = { ...change({ status: "completed", completedAt: 2, followUp }, [completed]), result: whole(1) };
  await store.transition(one.record, 1, end);
  await deliver(store, one.record.id);
  await Promise.all(
    upTo(40).map((n) =>
      store.insert(makeTask({ status: "completed", followUp, userId: `u${n}` }), NO_LIMITS, 1),
    ),
  );
  const limits = { finishedPerUser: 0, finishedTtlMs: 0, followUpTtlMs: 0, followUpsPerUser: 0 };
  await store.sweep({ ...limits, finishedTtlMs: 9e12, followUpTtlMs: 9e12 }, 30);
  await store.sweep({ ...limits, finishedTtlMs: 9e12, followUpTtlMs: 9e12 }, 30);
  await store.sweep(limits, 9);
  stop?.();
}

/** Some tasks of every kind, for SQLite to draw its conclusions from. */
async function fill(database: SqliteDatabaseLike): Promise<void> {
  const store = sqliteStore({ database });
  const kinds = [{ status: "running" }, { status: "completed" }, { status: "completed", followUp }] as const;
  const tasks = upTo(600).map((n) =>
    makeTask({ ...kinds[n % 3], createdAt: n, userId: `u${n % 20}`, sessionId: `s${n % 60}` }),
  );
  await Promise.all(tasks.map((task) => store.insert(task, NO_LIMITS, LONG_MS)));
}

async function readAll(store: ReturnType<typeof sqliteStore>, id: string): Promise<void> {
  const scopes: TaskScope[] = [{ userId: "ada" }, { userId: "ada", sessionId: "session-1" }];
  const statuses: (TaskStatus[] | undefined)[] = [undefined, ["running"], ["failed", "running"]];
  await store.changes([{ userId: "ada", known: [{ id, version: 1, lastSeq: 1 }], since: 1 }], 9);
  for (const scope of scopes) {
    for (const status of statuses) await store.list(scope, status ? { limit: 9, status } : { limit: 9 });
    await store.get(scope, id);
    await store.result(scope, id);
    await store.events(scope, id, { after: 1, limit: 9 });
  }
}

async function deliver(store: ReturnType<typeof sqliteStore>, id: string): Promise<void> {
  const session = { userId: "ada", sessionId: "session-1" };
  for (const filter of [{ maxTurns: 9 }, { session, maxTurns: 9 }]) {
    const claim = await store.claim("me", LONG_MS, filter);
    if (claim === undefined) throw new Error("There is nothing to claim.");
    await store.prolong(claim, LONG_MS);
    const type = filter.session ? "acknowledge" : "release";
    await store.extend(claim, ["silent"], 3);
    await store.settle(claim, { [id]: { type, delayMs: 0 } });
  }
  await takeTurns(store, session);
  await store.resetTurns(session);
}

async function takeTurns(store: ReturnType<typeof sqliteStore>, session: SessionKey): Promise<void> {
  const terms = { by: "user", take: true, maxHolds: 3, waitMs: 1 } as const;
  const held = await store.hold("me", LONG_MS, session, terms);
  await store.hold("another", LONG_MS, session, terms);
  await store.stopTurn(session, "Enough.", null);
  if ("token" in held) await store.settle(held, {});
}
