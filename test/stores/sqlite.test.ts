import Database from "libsql";
import { describe, expect, expectTypeOf, test } from "vitest";
import { TaskOffloadError } from "../../src/core/errors.ts";
import { RING_EVENTS } from "../../src/core/model/store.ts";
import { type Clock, systemClock } from "../../src/core/time/clock.ts";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "../../src/index.ts";
import { type SqliteDatabaseLike, type SqliteStoreOptions, sqliteStore } from "../../src/stores/sqlite.ts";
import { makeTask } from "../../src/testing/make-task.ts";
import { ADA, change, LONG_MS, NO_LIMITS, output, upTo } from "../../src/testing/suite/lab.ts";
import { gate } from "../support/scene.ts";
import { DRIVERS, describeNodeSqlite, inTurns, newPath } from "./sqlite/lab.ts";
import { storeSuite } from "./suite.ts";

let now = 1_750_000_000_000;
const clock: Clock = { ...systemClock, now: () => now };
const time = {
  now: () => now,
  advance: (ms: number) => {
    now += ms;
  },
};
const open = (path: string) => new Database(path);

storeSuite("sqliteStore on libsql", () => sqliteStore({ database: open(":memory:"), clock }), time);
storeSuite("… by the clock of the machine", () => sqliteStore({ database: open(newPath()) }));
storeSuite(
  "… on three connections to a file, in turns",
  () => {
    const path = newPath();
    const connect = () => sqliteStore({ database: open(path), clock });
    return inTurns([connect(), connect(), connect()]);
  },
  time,
);

describeNodeSqlite("node:sqlite", () => {
  storeSuite("sqliteStore with a path", () => sqliteStore({ path: newPath(), clock }), time);
  storeSuite("… in memory, by the clock of the machine", () => sqliteStore({ path: ":memory:" }));
  storeSuite(
    "… and libsql on one file, in turns",
    () => {
      const path = newPath();
      return inTurns([sqliteStore({ path, clock }), sqliteStore({ database: open(path), clock })]);
    },
    time,
  );
});

test("libsql fits the type of a database", () => {
  expectTypeOf<Database.Database>().toExtend<SqliteDatabaseLike>();
});

describe("options", () => {
  const database = open(":memory:");
  const lookalike = (method: string) => ({ prepare() {}, exec() {}, close() {}, [method]() {} });
  const wrong: [options: unknown, message: string][] = [
    [undefined, "an object with a path or a database; got undefined"],
    [null, "an object with a path or a database; got null"],
    [{}, "give either path or database; got neither"],
    [{ path: "a.db", database }, "give either path or database; got both"],
    [{ path: "" }, 'path must be the path of a file; got ""'],
    [{ path: 7 }, "path must be the path of a file; got 7"],
    [{ path: "a\0b" }, "path must be the path of a file"],
    [{ database: lookalike("parallelize") }, "got one of sqlite3, whose methods call back"],
    [{ database: lookalike("getDatabaseInstance") }, "got one of sqlite, whose methods answer promises"],
    [{ database: lookalike("executeMultiple") }, "got a client of @libsql/client"],
    [{ database: lookalike("getRowsModified") }, "got one of sql.js, which keeps no file"],
    [{ database: null }, "database must be an open database with prepare, exec and close; got null"],
    [{ database: { prepare() {}, exec() {} } }, "database must be an open database"],
    [{ database, synchronous: "off" }, 'synchronous must be one of "normal", "full"; got "off"'],
    [
      { database, busyTimeoutMs: -1 },
      "busyTimeoutMs must be milliseconds, 0 or more (Infinity: never); got -1",
    ],
    [
      { database, busyTimeoutMs: "1" },
      'busyTimeoutMs must be milliseconds, 0 or more (Infinity: never); got "1"',
    ],
    [{ database, clock: {} }, "clock.now must be a function; got undefined"],
    [{ database, clock: null }, "clock.now must be a function; got undefined"],
    [{ database, fsync: true }, "fsync is not an option; there are path, database, synchronous"],
  ];

  test.each(wrong)("%j are refused", (options, message) => {
    const make = () => sqliteStore(options as SqliteStoreOptions);
    expect(make).toThrow(TaskOffloadError);
    expect(make).toThrow(expect.objectContaining({ code: "invalid_option" }));
    expect(make).toThrow(message);
  });

  test.skipIf(DRIVERS.length > 1)("a path without node:sqlite is refused, and it says what to do", () => {
    const make = () => sqliteStore({ path: newPath() });
    expect(make).toThrow(expect.objectContaining({ code: "missing_peer" }));
    expect(make).toThrow(
      /Node 20\.\d+\.\d+ has no node:sqlite.*Node 22\.13.*npm install libsql.*better-sqlite3/s,
    );
  });

  test.each(DRIVERS)("settings are made on $name", async ({ open }) => {
    for (const [synchronous, expected] of [
      ["normal", 1],
      ["full", 2],
      [undefined, 1],
    ] as const) {
      const database = open(newPath());
      const store = sqliteStore({ database, synchronous });
      expect(database.prepare("PRAGMA synchronous").get()).toMatchObject({ synchronous: expected });
      expect(database.prepare("PRAGMA journal_mode").get()).toMatchObject({ journal_mode: "wal" });
      await store.close();
      database.close();
    }
  });

  test("a handle that answers bigints is as good as another", async () => {
    const store = sqliteStore({ database: open(":memory:").defaultSafeIntegers(true) });
    const { record } = makeTask();
    await store.insert({ record, events: [] }, { ...NO_LIMITS, runningPerUser: 1 }, LONG_MS);
    expect(await store.transition(record, 1, change({ status: "completed", completedAt: 9 }))).toMatchObject({
      version: 2,
      completedAt: 9,
    });
    expect((await store.list(ADA, { limit: 5 })).records).toMatchObject([{ id: record.id }]);
    const limits = { finishedPerUser: 0, finishedTtlMs: null, followUpTtlMs: null, followUpsPerUser: null };
    expect(await store.sweep(limits, 5)).toMatchObject({ evicted: 1 });
  });
});

describe.each(DRIVERS)("what the contract says besides, on $name", ({ open }) => {
  const make = () => sqliteStore({ database: open(":memory:"), clock });

  test("a change of the owner starts a new lease, as long as the first", async () => {
    const store = make();
    const { record } = makeTask();
    await store.insert({ record, events: [] }, NO_LIMITS, 100);
    time.advance(100);
    await store.transition(record, 1, change({ owner: "process-2" }));
    time.advance(99);
    expect(await store.lapsed(9)).toEqual([]);
    time.advance(1);
    expect(await store.lapsed(9)).toMatchObject([{ id: record.id, owner: "process-2" }]);
  });

  test("a task may come with more events than are kept", async () => {
    const store = make();
    const { record } = makeTask();
    const events = upTo(RING_EVENTS + 30).map(() => output("x"));
    await store.insert({ record, events }, NO_LIMITS, LONG_MS);
    const first = await store.events(ADA, record.id, { after: 0, limit: 1 });
    expect(first).toMatchObject({ events: [{ seq: 31 }], truncated: true });
    expect(await store.append(record, "process-1", [output("y")])).toBe(RING_EVENTS + 31);
    const page = await store.events(ADA, record.id, { after: 0, limit: 9_999 });
    expect(page).toMatchObject({ truncated: true, nextAfter: RING_EVENTS + 31 });
    expect(page?.events).toHaveLength(RING_EVENTS);
    expect(page?.events[0]).toMatchObject({ seq: 32 });
  });

  test("nothing is shared with what was given", async () => {
    const store = make();
    const { record } = makeTask({ metadata: { list: [1] } });
    const inserted = await store.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
    const patch = {
      error: { code: "lost", message: "?" },
      cancel: { at: 1, by: "user", reason: null },
      followUp: { status: "none", mode: null, attempts: 0, reason: null },
    } as const;
    const progress = { value: 1 };
    const changed = await store.transition(record, 1, {
      patch,
      events: [{ at: 1, type: "task.progress", progress }],
    });
    if (inserted.status !== "inserted") throw new Error("It was not inserted.");
    expect(inserted.record.metadata).toEqual(record.metadata);
    expect(inserted.record.metadata).not.toBe(record.metadata);
    expect(inserted.record.followUp).not.toBe(record.followUp);
    expect(changed).toMatchObject({ ...patch, progress });
    for (const key of ["error", "cancel", "followUp"] as const) expect(changed?.[key]).not.toBe(patch[key]);
    expect(changed?.progress).not.toBe(progress);
  });
});

describe.each(DRIVERS)("closing, on $name", ({ open }) => {
  test("a database that was given stays open", async () => {
    const database = open(":memory:");
    await sqliteStore({ database }).close();
    expect(database.prepare("SELECT 1 AS one").get()).toMatchObject({ one: 1 });
  });

  test("what was called before is done", async () => {
    const database = open(newPath());
    const store = sqliteStore({ database });
    const { record } = makeTask();
    const calls = [store.insert({ record, events: [] }, NO_LIMITS, LONG_MS), store.get(ADA, record.id)];
    await store.close();
    expect(await Promise.all(calls)).toMatchObject([{ status: "inserted" }, undefined]);
    expect(await sqliteStore({ database }).get(ADA, record.id)).toMatchObject({ id: record.id });
  });

  test("who watches afterwards hears nothing, and is not known to others", async () => {
    const database = open(":memory:");
    const store = sqliteStore({ database });
    const stop = store.watch?.(() => undefined);
    await store.close();
    store.watch?.(() => undefined);
    stop?.();
    expect(database.prepare("SELECT count(*) AS n FROM offload_watchers").get()).toMatchObject({ n: 0 });
  });
});

describeNodeSqlite("closing a path", () => {
  test("closes its database", async () => {
    const path = newPath();
    const store = sqliteStore({ path });
    const { record } = makeTask();
    const insert = store.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
    await Promise.all([store.close(), store.close()]);
    expect(await insert).toMatchObject({ status: "inserted" });
    // The last connection that closes leaves no journal behind.
    const { existsSync } = await import("node:fs");
    expect([existsSync(path), existsSync(`${path}-wal`)]).toEqual([true, false]);
  });
});

describe.each(DRIVERS)("a manager on $name", ({ open }) => {
  test("finds its tasks again, results and follow-ups included", async () => {
    const path = newPath();
    const scope = { userId: "ada", sessionId: "s" };
    const id = await withManager(path, async (tasks) => {
      const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 0 });
      const call = { toolName: "search", input: { query: "otters" }, scope };
      const found = gate<{ found: string[] }>();
      const outcome = await offload.run(call, () => found.promise);
      if (outcome.status !== "offloaded") throw new Error("It came back in time.");
      found.resolve({ found: ["otter"] });
      await tasks.wait(scope, [outcome.task.id]);
      return outcome.task.id;
    });
    await withManager(path, async (tasks) => {
      expect(await tasks.result(scope, id)).toMatchObject({
        status: "completed",
        value: { found: ["otter"] },
      });
      expect(await tasks.get(scope, id)).toMatchObject({ followUp: { status: "pending" } });
      const { events } = await tasks.events(scope, id);
      expect(events.map(({ type }) => type)).toEqual(["task.started", "task.completed"]);
    });
  });

  async function withManager<T>(path: string, use: (tasks: BackgroundTaskManager) => Promise<T>): Promise<T> {
    const database = open(path);
    const store = sqliteStore({ database });
    const tasks = new BackgroundTaskManager({ store });
    const answer = await use(tasks);
    await tasks.close();
    await store.close();
    database.close();
    return answer;
  }
});
