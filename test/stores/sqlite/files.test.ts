import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { TaskOffloadError } from "../../../src/core/errors.ts";
import { type SqliteDatabaseLike, sqliteStore } from "../../../src/stores/sqlite.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import {
  ADA,
  change,
  completed,
  LONG_MS,
  NO_LIMITS,
  output,
  upTo,
  whole,
} from "../../../src/testing/suite/lab.ts";
import { openNodeSqlite } from "./drivers.ts";
import { DRIVERS, describeNodeSqlite, newPath } from "./lab.ts";
import { runWorker } from "./workers.ts";

const KEEP_NONE = { finishedPerUser: 0, finishedTtlMs: 0, followUpTtlMs: LONG_MS, followUpsPerUser: 9 };

/** What making the store throws. */
function refusal(database: SqliteDatabaseLike): unknown {
  try {
    sqliteStore({ database, busyTimeoutMs: 50 });
  } catch (error) {
    expect(TaskOffloadError.isInstance(error)).toBe(true);
    return error;
  }
  return undefined;
}

describe.each(DRIVERS)("a file, on $name", ({ open }) => {
  /** A file with so many tasks, all of them in the file itself and none in its journal. */
  async function fill(path: string, tasks = 1): Promise<void> {
    const database = open(path);
    const store = sqliteStore({ database });
    for (const n of upTo(tasks)) {
      const { record } = makeTask({ id: `task-${n}` });
      await store.insert({ record, events: [output("x".repeat(500))] }, NO_LIMITS, LONG_MS);
    }
    await store.close();
    database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
    database.close();
  }

  test("keeps everything over a restart", async () => {
    const path = newPath();
    const first = open(path);
    const before = sqliteStore({ database: first });
    const session = { userId: "ada", sessionId: "session-1" };
    const followUp = { status: "pending", mode: "when_idle", attempts: 0, reason: null } as const;
    const [one, two, three] = [makeTask(), makeTask({ duplicateKey: "key" }), makeTask()];
    for (const { record, events } of [one, two, three]) {
      await before.insert({ record, events, input: '{"a":1}' }, NO_LIMITS, LONG_MS);
    }
    await before.checkpoint(two.record, "process-1", "7");
    const end = {
      ...change({ status: "completed", completedAt: 1, followUp }, [completed]),
      result: whole(42),
    };
    await before.transition(one.record, 1, end);
    const turn = await before.claim("me", LONG_MS, { maxTurns: 9 });
    if (turn) await before.settle(turn, { [one.record.id]: { type: "acknowledge" } });
    await before.transition(three.record, 1, end);
    const claim = await before.claim("me", LONG_MS, {});
    const records = (await before.list(ADA, { limit: 9 })).records;
    await before.close();
    first.close();

    const after = sqliteStore({ database: open(path) });
    expect((await after.list(ADA, { limit: 9 })).records).toEqual(records);
    expect(await after.result(ADA, one.record.id)).toEqual(whole(42));
    expect((await after.events(ADA, one.record.id, { after: 0, limit: 9 }))?.events).toHaveLength(3);
    expect(await after.payload(two.record)).toEqual({ input: '{"a":1}', checkpoint: "7" });
    expect(await after.insert(makeTask({ duplicateKey: "key" }), NO_LIMITS, 1)).toMatchObject({
      status: "duplicate",
    });
    expect(await after.insert(makeTask(), { ...NO_LIMITS, runningPerUser: 1 }, 1)).toMatchObject({
      status: "refused",
    });
    expect(await after.claim("me", LONG_MS, { session })).toBeUndefined();
    expect(
      claim && (await after.settle(claim, { [three.record.id]: { type: "defer", delayMs: 0 } })),
    ).toHaveLength(1);
    expect(await after.claim("me", LONG_MS, { session })).toMatchObject({
      turns: 1,
      tasks: [{ id: three.record.id }],
    });
  });

  test("that is no database is refused, and left as it is", () => {
    for (const garbage of ["no", "not a database\n".repeat(1_000), "SQLite format 3\0".repeat(300)]) {
      const path = newPath();
      writeFileSync(path, garbage);
      const error = refusal(open(path));
      expect(error).toMatchObject({ code: "store_failed" });
      expect(String(error)).toMatch(
        /SQLite database that was given cannot be used: .*(not a database|malformed).*left as it is/s,
      );
      expect(readFileSync(path, "utf8")).toBe(garbage);
    }
  });

  test("that was cut off is refused, and left as it is", async () => {
    const path = newPath();
    await fill(path, 200);
    for (const bytes of [statSync(path).size - 5_000, 4_096 * 5, 4_096, 700]) {
      const part = newPath();
      writeFileSync(part, readFileSync(path).subarray(0, bytes));
      expect(refusal(open(part))).toMatchObject({ code: "store_failed" });
      expect(statSync(part).size).toBe(bytes);
      expect(readFileSync(part).equals(readFileSync(path).subarray(0, bytes))).toBe(true);
    }
  });

  test("that is damaged in the middle fails the calls that meet it, with a clear error", async () => {
    const path = newPath();
    await fill(path, 200);
    const bytes = readFileSync(path);
    bytes.fill(0xff, bytes.length / 2);
    const damaged = newPath();
    writeFileSync(damaged, bytes);
    const store = sqliteStore({ database: open(damaged) });
    const answers = await Promise.allSettled(upTo(200).map((n) => store.get(ADA, `task-${n}`)));
    const rejected = answers.find(({ status }) => status === "rejected");
    expect(rejected).toMatchObject({ reason: { code: "store_failed" } });
    expect(String((rejected as PromiseRejectedResult).reason)).toMatch(
      /SQLite failed: .*(malformed|corrupt)/,
    );
  });

  test("with a schema newer than ours is refused, and left as it is", () => {
    const path = newPath();
    const database = open(path);
    database.exec("CREATE TABLE offload_meta (name, value); INSERT INTO offload_meta VALUES ('schema', 99)");
    const before = readFileSync(path);
    const error = refusal(database);
    expect(error).toMatchObject({ code: "not_supported" });
    expect(String(error)).toMatch(/version 99 of the schema.* knows none after 4/);
    expect(database.prepare("PRAGMA journal_mode").get()).toMatchObject({ journal_mode: "delete" });
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test("of somebody else's gets tables beside theirs", async () => {
    const database = open(newPath());
    database.exec("CREATE TABLE tasks (id); INSERT INTO tasks VALUES (7); PRAGMA user_version = 12");
    const store = sqliteStore({ database });
    await store.insert(makeTask(), NO_LIMITS, LONG_MS);
    expect(database.prepare("SELECT id FROM tasks").all()).toMatchObject([{ id: 7 }]);
    expect(database.prepare("PRAGMA user_version").get()).toMatchObject({ user_version: 12 });
  });

  test.each([
    ["a table", "DROP TABLE offload_hints", "offload_hints"],
    ["an index", "DROP INDEX offload_tasks_ready", "offload_tasks_ready"],
    ["a trigger", "DROP TRIGGER offload_shelves_left", "offload_shelves_left"],
  ])("of which %s is gone is refused, and it says which", (_, sql, name) => {
    const database = open(newPath());
    sqliteStore({ database });
    database.exec(sql);
    const error = refusal(database);
    expect(error).toMatchObject({ code: "store_failed" });
    expect(String(error)).toContain(`cannot be used: it has no ${name} any more.`);
  });

  test("whose setting up was interrupted is set up the next time", () => {
    const database = open(newPath());
    database.exec("CREATE TABLE offload_meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID");
    expect(refusal(database)).toBeUndefined();
  });
});

describe.each(DRIVERS)("a full disk, on $name", ({ open }) => {
  test("rejects the calls that need more, and nothing else; the store works on when there is room", async () => {
    const database = open(newPath());
    const store = sqliteStore({ database });
    const { record } = makeTask();
    await store.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
    limitPages(database, 0);
    const big = () => store.append(record, "process-1", [output("x".repeat(100_000))]);
    const small = (value: number) =>
      store.append(record, "process-1", [{ at: 1, type: "task.progress", progress: { value } }]);
    const answers = await Promise.allSettled([small(1), big(), small(2), big()]);
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected"]);
    const { reason } = answers[1] as PromiseRejectedResult;
    expect(reason).toMatchObject({ code: "store_failed" });
    expect(String(reason)).toContain("SQLite failed: database or disk is full");
    expect(await store.get(ADA, record.id)).toMatchObject({ lastSeq: 2, progress: { value: 2 } });
    limitPages(database, 1_000);
    expect(await big()).toBe(3);
    expect((await store.events(ADA, record.id, { after: 0, limit: 9 }))?.events).toHaveLength(3);
  });

  test("a task is written whole or not at all", async () => {
    const database = open(newPath());
    const store = sqliteStore({ database });
    limitPages(database, 0);
    const tasks = upTo(40).map(() => makeTask({ metadata: { text: "x".repeat(2_000) } }));
    const answers = await Promise.allSettled(tasks.map((task) => store.insert(task, NO_LIMITS, LONG_MS)));
    expect(answers.filter(({ status }) => status === "rejected").length).toBeGreaterThan(20);
    const { records } = await store.list(ADA, { limit: 99 });
    expect(records).toHaveLength(answers.filter(({ status }) => status === "fulfilled").length);
    for (const { id } of records) {
      expect((await store.events(ADA, id, { after: 0, limit: 9 }))?.events).toHaveLength(1);
    }
    expect(await store.sweep(KEEP_NONE, 9)).toEqual({ expired: [], evicted: 0, more: false });
  });

  /** So many more than there are. */
  function limitPages(database: SqliteDatabaseLike, more: number): void {
    const { page_count: count } = database.prepare("PRAGMA page_count").get() as { page_count: number };
    database.prepare(`PRAGMA max_page_count = ${count + more}`).get();
  }
});

describeNodeSqlite("a path", () => {
  const make = (path: string) => () => sqliteStore({ path, busyTimeoutMs: 50 });

  test("where no file can be made is refused, and says why", () => {
    const path = join(dirname(newPath()), "missing", "tasks.db");
    expect(make(path)).toThrow(expect.objectContaining({ code: "store_failed" }));
    expect(make(path)).toThrow(`The SQLite database ${JSON.stringify(path)} cannot be used: `);
    expect(make(path)).toThrow("Its directory must exist");
    expect(existsSync(dirname(path))).toBe(false);
  });

  test("of a directory is refused", () => {
    const path = newPath();
    mkdirSync(path);
    expect(make(path)).toThrow("Its directory must exist, and this process must be able to write there.");
  });

  test("of a file that is no database is refused, and closed again", () => {
    const path = newPath();
    writeFileSync(path, "garbage");
    expect(make(path)).toThrow(/"\S+" cannot be used: file is not a database\. It was left as it is/);
    expect(readFileSync(path, "utf8")).toBe("garbage");
    expect(openFiles()).not.toContain(path);
  });

  test("opened for reading only is refused, and left as it is", async () => {
    const path = newPath();
    await sqliteStore({ path }).close();
    const before = readFileSync(path);
    const database = openNodeSqlite?.(path, { readOnly: true });
    expect(database && String(refusal(database))).toMatch(
      /cannot be used: attempt to write a readonly database\. This process must be able to write/,
    );
    expect(readFileSync(path).equals(before)).toBe(true);
  });
});

/** The paths of what this process has open, where that can be known. */
function openFiles(): string[] {
  if (!existsSync("/proc/self/fd")) return [];
  return readdirSync("/proc/self/fd").flatMap((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`);
    } catch {
      return [];
    }
  });
}

test("a file, or a directory, that may not be written is refused, and says so", async () => {
  const [file, directory] = [newPath(), newPath()];
  const answers = await runWorker({ type: "forbidden", file, directory });
  for (const message of answers as string[]) {
    expect(message).toMatch(/^TaskOffloadError: The SQLite database that was given cannot be used: /);
    expect(message).toMatch(/this process must be able to write/i);
  }
});
