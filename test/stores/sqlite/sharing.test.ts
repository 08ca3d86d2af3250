import { describe, expect, test, vi } from "vitest";
import { TaskOffloadError } from "../../../src/core/errors.ts";
import type { StoredResult } from "../../../src/core/model/result.ts";
import type { TaskHint } from "../../../src/core/model/store.ts";
import { type SqliteDatabaseLike, sqliteStore } from "../../../src/stores/sqlite.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import { ADA, change, LONG_MS, NO_LIMITS, ofTasks, output, upTo } from "../../../src/testing/suite/lab.ts";
import { until } from "../../support/until.ts";
import { DRIVERS, newPath, sleep } from "./lab.ts";

describe.each(DRIVERS)("while another connection writes, on $name", ({ open }) => {
  const locked = async (busyTimeoutMs: number) => {
    const path = newPath();
    const store = sqliteStore({ database: open(path), busyTimeoutMs });
    const other = open(path);
    const { record } = makeTask();
    await store.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
    other.exec("BEGIN IMMEDIATE");
    return { store, record, unlock: () => other.exec("COMMIT") };
  };

  test("calls wait, in order, and neither reading nor the event loop does", async () => {
    const { store, record, unlock } = await locked(60_000);
    const answers: number[] = [];
    const appends = upTo(3).map((n) =>
      store.append(record, "process-1", [output(`${n}`)]).then((seq) => answers.push(seq)),
    );
    let turns = 0;
    const counting = setInterval(() => (turns += 1), 1);
    // At some time: the machine may stand still at another.
    await until(async () => {
      turns = 0;
      await sleep(100);
      expect(turns).toBeGreaterThan(20);
    });
    clearInterval(counting);
    expect(await store.get(ADA, record.id)).toMatchObject({ lastSeq: 0 });
    expect(answers).toEqual([]);
    unlock();
    await Promise.all(appends);
    expect(answers).toEqual([1, 2, 3]);
  });

  test("calls are rejected when that takes too long, and later ones are not", async () => {
    const { store, record, unlock } = await locked(30);
    const error = await store.append(record, "process-1", [output("late")]).catch((error: unknown) => error);
    expect(TaskOffloadError.isInstance(error)).toBe(true);
    expect(error).toMatchObject({
      code: "store_failed",
      message: expect.stringMatching(/^SQLite failed: database is locked/),
    });
    unlock();
    expect(await store.append(record, "process-1", [output("in time")])).toBe(1);
  });

  test("a store that was kept from writing and from watching does both afterwards", async () => {
    const path = newPath();
    const store = sqliteStore({ database: open(path), busyTimeoutMs: 30 });
    const database = open(path);
    const other = sqliteStore({ database });
    const { record } = makeTask();
    await store.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
    database.exec("BEGIN IMMEDIATE");
    const hints: TaskHint[] = [];
    const stop = store.watch?.(ofTasks((hint) => void hints.push(hint)));
    await expect(store.append(record, "process-1", [output("refused")])).rejects.toThrow("locked");
    database.exec("COMMIT");
    expect(await other.append(record, "process-1", [output("other")])).toBe(1);
    expect(await store.append(record, "process-1", [output("own")])).toBe(2);
    await until(async () => {
      const seq = await other.append(record, "process-1", [output("other")]);
      expect(seq).toBeGreaterThan(2);
      await vi.waitFor(() => expect(hints.map(({ lastSeq }) => lastSeq)).toContain(seq), { timeout: 300 });
    });
    stop?.();
    await store.close();
    await other.close();
  });

  test("closing waits for the calls that were made before", async () => {
    const { store, record, unlock } = await locked(5_000);
    const order: string[] = [];
    const append = store.append(record, "process-1", [output("x")]).finally(() => order.push("append"));
    const close = store.close().then(() => order.push("close"));
    await expect(store.get(ADA, record.id)).rejects.toThrow("The store is closed.");
    setTimeout(unlock, 20);
    await close;
    expect(await append).toBe(1);
    expect(order).toEqual(["append", "close"]);
  });

  test("closing does not wait longer than those calls", async () => {
    const { store, record } = await locked(30);
    const append = expect(store.append(record, "process-1", [output("x")])).rejects.toThrow(
      "database is locked",
    );
    await Promise.all([store.close(), append]);
  });
});

describe.each(DRIVERS)("calls of one turn, on $name", ({ open }) => {
  /** A database that counts its transactions. */
  const counted = () => {
    const database = open(":memory:");
    const begun = { writes: 0 };
    const exec = (sql: string) => {
      if (sql === "BEGIN IMMEDIATE") begun.writes += 1;
      return database.exec(sql);
    };
    return { database: { prepare: (sql: string) => database.prepare(sql), exec, close() {} }, begun };
  };

  test("share a transaction, those included that are made when others are answered", async () => {
    const { database, begun } = counted();
    const store = sqliteStore({ database });
    begun.writes = 0;
    const lifecycles = upTo(100).map(async (n) => {
      const { record } = makeTask();
      await store.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
      // Some have more to do than others before they call again.
      for (let step = 0; step < n % 7; step += 1) await null;
      await store.append(record, "process-1", [output("x")]);
      return store.transition(record, 1, change({ status: "completed", completedAt: 1 }));
    });
    expect(await Promise.all(lifecycles)).not.toContain(undefined);
    expect(begun.writes).toBe(3);
  });

  test("share none with so many others that nobody else gets a turn", async () => {
    const { database, begun } = counted();
    const store = sqliteStore({ database });
    begun.writes = 0;
    let turns = 0;
    const counting = () => {
      turns += 1;
      if (turns < 100) setImmediate(counting);
    };
    setImmediate(counting);
    await Promise.all(upTo(1_000).map(() => store.insert(makeTask(), NO_LIMITS, LONG_MS)));
    expect(begun.writes).toBe(8);
    expect(turns).toBeGreaterThan(3);
  });

  test("do not suffer for one that fails", async () => {
    const store = sqliteStore({ database: open(":memory:") });
    const hints: TaskHint[] = [];
    store.watch?.(ofTasks((hint) => void hints.push(hint)));
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    const tasks = upTo(9).map((n) => makeTask(n === 5 ? { metadata: circular } : {}));
    const answers = await Promise.allSettled(tasks.map((task) => store.insert(task, NO_LIMITS, LONG_MS)));
    const rejected = answers.flatMap(({ status }, index) => (status === "rejected" ? [index + 1] : []));
    expect(rejected).toEqual([5]);
    expect(answers[4]).toMatchObject({ reason: { code: "store_failed" } });
    expect((await store.list(ADA, { limit: 99 })).records).toHaveLength(8);
    for (const [index, { record }] of tasks.entries()) {
      const page = await store.events(ADA, record.id, { after: 0, limit: 9 });
      expect(page?.events).toEqual(index === 4 ? undefined : [expect.objectContaining({ seq: 1 })]);
    }
    await until(() => expect(hints).toHaveLength(8));
  });

  test("leave nothing behind when they fail", async () => {
    const store = sqliteStore({ database: open(":memory:") });
    const { record } = makeTask();
    await store.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
    const unwritable = { kind: "whole", json: 1n } as unknown as StoredResult;
    const end = { ...change({ status: "completed" }, [output("never")]), result: unwritable };
    await expect(store.transition(record, 1, end)).rejects.toThrow("SQLite failed: ");
    await store.insert(makeTask(), NO_LIMITS, LONG_MS);
    expect(await store.get(ADA, record.id)).toMatchObject({ status: "running", version: 1, lastSeq: 0 });
    expect(await store.events(ADA, record.id, { after: 0, limit: 9 })).toMatchObject({ events: [] });
  });

  test("may evict what they have written", async () => {
    const store = sqliteStore({ database: open(":memory:") });
    const { record } = makeTask();
    const limits = { finishedPerUser: 0, finishedTtlMs: 0, followUpTtlMs: 0, followUpsPerUser: 0 };
    await store.insert(makeTask({ status: "running" }), NO_LIMITS, LONG_MS);
    await store.insert(makeTask({ status: "completed" }), NO_LIMITS, LONG_MS);
    const [next, last] = [makeTask({}, []), makeTask({ id: record.id }, [])];
    const calls: Promise<unknown>[] = [
      store.insert({ record, events: [output("old")] }, NO_LIMITS, LONG_MS),
      store.transition(record, 1, change({ status: "completed", completedAt: 1 }, [output("end")])),
      store.sweep(limits, 9),
    ];
    // A sweep looks first, and is to come before the rest, in the same turn.
    for (let step = 0; step < 20; step += 1) await null;
    for (const task of [next, last]) calls.push(store.insert(task, NO_LIMITS, LONG_MS));
    const answers = await Promise.all(calls);
    const inserted = { status: "inserted" };
    expect(answers).toMatchObject([inserted, { version: 2 }, { evicted: 2 }, inserted, inserted]);
    for (const { record } of [next, last]) {
      expect(await store.events(ADA, record.id, { after: 0, limit: 9 })).toMatchObject({ events: [] });
    }
  });
});

describe.each(DRIVERS)("hints of another connection, on $name", ({ open }) => {
  const several = () => {
    const path = newPath();
    const database = open(path);
    const connect = (database: SqliteDatabaseLike) => sqliteStore({ database });
    return { one: connect(database), two: connect(open(path)), three: connect(open(path)), database };
  };
  const count = (database: SqliteDatabaseLike, table: string) =>
    database.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number };

  test("come soon, each once, and are those of writes since the watch began", async () => {
    const { one, two } = several();
    const { record } = makeTask({ id: "\ud800\0", sessionId: null });
    await two.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
    const hints: TaskHint[] = [];
    const stop = one.watch?.(ofTasks((hint) => void hints.push(hint)));
    two.watch?.(ofTasks(() => undefined));
    await two.append(record, "process-1", [output("a"), output("b")]);
    await one.append(record, "process-1", [output("c")]);
    await two.transition(record, 1, change({ status: "completed", completedAt: 1 }));
    const hint = { id: record.id, userId: "ada", sessionId: null, followUp: "none" };
    const expected = [
      { ...hint, status: "running", firstSeq: 1, lastSeq: 2 },
      { ...hint, status: "running", firstSeq: 3, lastSeq: 3 },
      { ...hint, status: "completed", firstSeq: 4, lastSeq: 3 },
    ];
    await until(() => expect(hints).toHaveLength(3));
    expect(hints).toEqual(expect.arrayContaining(expected));
    await sleep(120);
    expect(hints).toHaveLength(3);
    stop?.();
  });

  test("are none of what was written before, though it is still kept for others", async () => {
    const { one, two, three } = several();
    one.watch?.(ofTasks(() => undefined));
    await two.insert(makeTask(), NO_LIMITS, LONG_MS);
    const hints: TaskHint[] = [];
    three.watch?.(ofTasks((hint) => void hints.push(hint)));
    const { record } = makeTask();
    await two.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
    await until(() => expect(hints).toMatchObject([{ id: record.id }]));
  });

  test("begin a little later while another connection writes", async () => {
    const { one, two, three, database } = several();
    one.watch?.(ofTasks(() => undefined));
    await two.insert(makeTask(), NO_LIMITS, LONG_MS);
    const hints: TaskHint[] = [];
    database.exec("BEGIN IMMEDIATE");
    three.watch?.(ofTasks((hint) => void hints.push(hint)));
    database.exec("COMMIT");
    await until(() => expect(count(database, "offload_watchers").n).toBe(2));
    const { record } = makeTask();
    await two.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
    await until(() => expect(hints).toMatchObject([{ id: record.id }]));
  });

  test("cost nothing while nobody watches, nor when only the writer does", async () => {
    const { one, two, database } = several();
    const stopOwn = one.watch?.(ofTasks(() => undefined));
    await one.insert(makeTask(), NO_LIMITS, LONG_MS);
    expect([count(database, "offload_hints").n, count(database, "offload_watchers").n]).toEqual([0, 1]);
    stopOwn?.();
    await two.insert(makeTask(), NO_LIMITS, LONG_MS);
    expect([count(database, "offload_hints").n, count(database, "offload_watchers").n]).toEqual([0, 0]);
    one.watch?.(ofTasks(() => undefined));
    await two.insert(makeTask(), NO_LIMITS, LONG_MS);
    expect(count(database, "offload_hints").n).toBe(1);
    await one.close();
    expect(count(database, "offload_watchers").n).toBe(0);
  });

  test("are no longer kept for a watcher that has died", async () => {
    const { one, two, database } = several();
    one.watch?.(ofTasks(() => undefined));
    database.exec(`UPDATE offload_watchers SET until = ${Date.now() - 1}`);
    await two.insert(makeTask(), NO_LIMITS, LONG_MS);
    expect(count(database, "offload_hints").n).toBe(0);
    two.watch?.(ofTasks(() => undefined))();
    expect(count(database, "offload_watchers").n).toBe(0);
  });

  test("are not kept for ever", async () => {
    const { one, two, database } = several();
    one.watch?.(ofTasks(() => undefined));
    const { record } = makeTask();
    await two.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
    for (const _ of upTo(600)) await two.append(record, "process-1", []);
    expect(count(database, "offload_hints").n).toBeGreaterThanOrEqual(512);
    expect(count(database, "offload_hints").n).toBeLessThan(600);
  });

  test("do not keep the process alive, and start again after a pause", async () => {
    const { one, two } = several();
    const hints: TaskHint[] = [];
    one.watch?.(ofTasks(() => undefined))();
    const active = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    await two.insert(makeTask(), NO_LIMITS, LONG_MS);
    one.watch?.(ofTasks((hint) => void hints.push(hint)));
    const after = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    // Others than ours may end meanwhile.
    expect(after).toBeLessThanOrEqual(active);
    const { record } = makeTask();
    await two.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
    await until(() => expect(hints).toMatchObject([{ id: record.id }]));
  });
});
