import { describe, expect, test } from "vitest";
import type { Damage, TaskStore } from "../../../src/core/model/store.ts";
import type { TaskRecord } from "../../../src/core/model/task.ts";
import { type SqliteDatabaseLike, sqliteStore } from "../../../src/stores/sqlite.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import {
  ADA,
  change,
  completed,
  LONG_MS,
  NO_LIMITS,
  output,
  started,
  upTo,
  whole,
} from "../../../src/testing/suite/lab.ts";
import { TestClock, withoutMonotonic } from "../../support/test-clock.ts";
import { until } from "../../support/until.ts";
import { DRIVERS, newPath } from "./lab.ts";

const KEEP_ALL = { finishedPerUser: null, finishedTtlMs: null, followUpTtlMs: null, followUpsPerUser: null };
const KEEP_NONE = { finishedPerUser: 0, finishedTtlMs: 0, followUpTtlMs: 0, followUpsPerUser: 0 };
const USER = { by: "user", take: true, maxHolds: 3, waitMs: 0 } as const;
const KEYED = { key: "asked-once", digest: "d" };
const ONE = { userId: "ada", sessionId: "one" };

/** What others have made of the row of a task. */
const ROWS: [what: string, set: string, reason: string | RegExp][] = [
  ["text that is no JSON", "kept = 'rubbish'", "it is no JSON"],
  ["nothing", "kept = ''", "it is no JSON"],
  ["bytes", "kept = x'00ff'", "it is no JSON"],
  ["a number", "kept = 7", "it is no JSON"],
  ["another object", "kept = '{}'", "it is no record"],
  ["half a record", "kept = json_remove(kept, '$.record.followUp')", /followUp/],
  ["a wrong type", "kept = json_set(kept, '$.record.version', 'x')", /version/],
  ["a lease that is none", "kept = json_set(kept, '$.leaseMs', 'x')", /leaseMs/],
  ["another's record", "kept = json_set(kept, '$.record.userId', 'eve')", /another task/],
];

describe.each(DRIVERS)("a damaged task, on $name", ({ open }) => {
  const world = (clock = new TestClock()) => {
    const path = newPath();
    const database = open(path);
    const store = sqliteStore({ database, clock });
    const told: Damage[] = [];
    store.onDamage?.((damage) => void told.push(damage));
    return { path, database, store, told, clock };
  };
  type World = ReturnType<typeof world>;

  const run = async (store: TaskStore, fields: Partial<TaskRecord> = {}) => {
    const { record } = makeTask({ sessionId: "one", ...fields });
    await store.insert({ record, events: [started] }, NO_LIMITS, LONG_MS);
    return record;
  };
  const finish = async (store: TaskStore, fields: Partial<TaskRecord> = {}, isTold = true) => {
    const record = await run(store, fields);
    const followUp = {
      status: isTold ? "pending" : "none",
      mode: "when_idle",
      attempts: 0,
      reason: null,
    } as const;
    const end = change({ status: "completed", completedAt: 2, followUp }, [completed]);
    await store.transition(record, 1, { ...end, result: whole(42) });
    return record;
  };
  const damage = ({ database }: World, { id }: TaskRecord, set = "kept = 'rubbish'") =>
    void database.exec(`UPDATE offload_tasks SET ${set} WHERE id = '${id}'`);
  const keyOf = ({ database }: World, { id }: TaskRecord) =>
    (database.prepare("SELECT key FROM offload_tasks WHERE id = ?").get(id) as { key: number }).key;
  /** It was told of once, and its row is still there. */
  const isAside = async (of: World, record: TaskRecord, reason: string | RegExp = "it is no JSON") => {
    await until(() => expect(of.told.map(({ taskId }) => taskId)).toContain(record.id));
    const [told, ...more] = of.told.filter(({ taskId }) => taskId === record.id);
    expect(more).toEqual([]);
    const place = `offload_tasks, the row with the key ${keyOf(of, record)}`;
    expect(told).toEqual({ userId: "ada", taskId: record.id, place, reason: told?.reason });
    expect(told?.reason).toMatch(reason);
    for (const look of [of.store.get, of.store.result, of.store.events]) {
      const answer = look(ADA, record.id, { after: 0, limit: 9 });
      await expect(answer).rejects.toMatchObject({ damage: told, message: expect.stringContaining(place) });
    }
    expect(of.told.filter(({ taskId }) => taskId === record.id)).toHaveLength(1);
  };

  test.each(ROWS)("that holds %s: everything that meets it goes on", async (_, set, reason) => {
    const made = world();
    const { store } = made;
    const bad = await finish(store);
    const good = await finish(store, { sessionId: "two" });
    damage(made, bad, set);
    expect(await store.claim("me", LONG_MS, {})).toMatchObject({ tasks: [{ id: good.id }] });
    await isAside(made, bad, reason);
    const running = await run(store);
    damage(made, running, set);
    expect(await store.renew("process-1", [running, good], LONG_MS)).toMatchObject([{ id: good.id }]);
    await isAside(made, running, reason);
    const listed = await run(store);
    damage(made, listed, set);
    expect((await store.list(ADA, { limit: 9 })).records.map(({ id }) => id)).toEqual([good.id]);
    await isAside(made, listed, reason);
    const lapsed = await run(store);
    damage(made, lapsed, `${set}, leaseEndsAt = 1`);
    expect(await store.lapsed(1)).toEqual([]);
    await isAside(made, lapsed, reason);
    const done = [await finish(store, {}, false), await finish(store)];
    for (const record of done) damage(made, record, set);
    for (let more = true; more; ) ({ more } = await store.sweep(KEEP_NONE, 3));
    for (const record of done) await isAside(made, record, reason);
  });

  test.each([
    ["is missing", "DELETE FROM offload_parts WHERE part = 0"],
    ["is no JSON", "UPDATE offload_parts SET text = 'rubbish' WHERE part = 0"],
    ["is something else", 'UPDATE offload_parts SET text = \'{"kind":"whole"}\' WHERE part = 0'],
  ])("whose result %s is refused, and the rest of its session is told", async (_, sql) => {
    const made = world();
    const bad = await finish(made.store);
    made.database.exec(sql);
    const good = await finish(made.store);
    const look = made.store.result(ADA, bad.id);
    await expect(look).rejects.toMatchObject({ damage: { reason: expect.stringContaining("its result") } });
    expect(await made.store.claim("me", LONG_MS, {})).toMatchObject({ tasks: [{ id: good.id }] });
    await isAside(made, bad, "its result");
    expect(await made.store.result(ADA, good.id)).toEqual(whole(42));
  });

  test("whose result is missing is found by a claim, though its record is whole", async () => {
    const made = world();
    const bad = await finish(made.store);
    made.database.exec("DELETE FROM offload_parts WHERE part = 0");
    const good = await finish(made.store);
    expect(await made.store.claim("me", LONG_MS, { session: ONE })).toMatchObject({
      tasks: [{ id: good.id }],
    });
    await isAside(made, bad, "its result is missing");
  });

  test.each([
    ["no JSON", 9, "UPDATE offload_parts SET text = 'rubbish' WHERE part = 2"],
    ["no event", 9, "UPDATE offload_parts SET text = '{}' WHERE part = 2"],
    ["a gap", 2, "DELETE FROM offload_parts WHERE part = 2"],
    ["no end", 9, "DELETE FROM offload_parts WHERE part = 3"],
    ["no beginning", 2, "DELETE FROM offload_parts WHERE part = 1"],
  ])("of whose log there is %s is refused", async (_, limit, sql) => {
    const made = world();
    const bad = await run(made.store);
    await made.store.append(bad, "process-1", [output("a"), output("b")]);
    made.database.exec(sql);
    const look = made.store.events(ADA, bad.id, { after: 0, limit });
    await expect(look).rejects.toMatchObject({ damage: { taskId: bad.id } });
    await isAside(made, bad, "its log is not whole");
  });

  test("takes no place in a sweep: it goes on until all others are gone", async () => {
    const made = world();
    const records: TaskRecord[] = [];
    for (const _ of upTo(6)) records.push(await finish(made.store, {}, false));
    for (const record of records.slice(0, 3)) damage(made, record);
    for (let more = true; more; ) ({ more } = await made.store.sweep({ ...KEEP_ALL, finishedTtlMs: 0 }, 2));
    const left = made.database.prepare("SELECT id FROM offload_tasks").all() as { id: string }[];
    expect(left.map(({ id }) => id).sort()).toEqual(
      records
        .slice(0, 3)
        .map(({ id }) => id)
        .sort(),
    );
  });

  test("one in ten: all others are delivered", async () => {
    const made = world();
    const records: TaskRecord[] = [];
    for (const n of upTo(100)) records.push(await finish(made.store, { sessionId: `session-${n % 25}` }));
    const damaged = records.filter((_, index) => index % 10 === 3);
    for (const [index, record] of damaged.entries()) damage(made, record, ROWS[index % ROWS.length]?.[1]);
    const delivered: string[] = [];
    for (;;) {
      const claim = await made.store.claim("me", LONG_MS, {});
      if (claim === undefined) break;
      const acknowledge = claim.tasks.map(({ id }) => [id, { type: "acknowledge" }] as const);
      const settled = await made.store.settle(claim, Object.fromEntries(acknowledge));
      delivered.push(...(settled ?? []).map(({ id }) => id));
    }
    const idsOf = (some: readonly TaskRecord[]) => some.map(({ id }) => id).sort();
    expect(delivered.sort()).toEqual(idsOf(records.filter((record) => !damaged.includes(record))));
    await until(() => expect(made.told).toHaveLength(10));
    expect(made.told.map(({ taskId }) => taskId).sort()).toEqual(idsOf(damaged));
  });

  test("is left out of a turn: when it begins, when it is extended, and when it ends", async () => {
    const made = world();
    const [one, two, three] = [await finish(made.store), await finish(made.store), await finish(made.store)];
    damage(made, one);
    const held = await made.store.hold("me", LONG_MS, ONE, USER);
    expect("token" in held && held.tasks).toMatchObject([{ id: two.id }, { id: three.id }]);
    await isAside(made, one);
    const [four, five] = [await finish(made.store), await finish(made.store)];
    damage(made, four);
    if (!("token" in held)) throw new Error("It is not held.");
    expect(await made.store.extend(held, ["when_idle"], 3)).toMatchObject([{ id: five.id }]);
    await isAside(made, four);
    damage(made, three);
    expect(await made.store.settle(held, {})).toMatchObject([{ id: two.id }, { id: five.id }]);
    await isAside(made, three);
  });

  test("is as good as gone to who writes, and its id may be written anew", async () => {
    const made = world();
    const { store } = made;
    const bad = await run(store, { duplicateKey: "key" });
    damage(made, bad);
    expect(await store.insert(makeTask({ duplicateKey: "key" }), NO_LIMITS, LONG_MS)).toMatchObject({
      status: "inserted",
    });
    await isAside(made, bad);
    const keyed = await run(store, { idempotency: KEYED });
    damage(made, keyed);
    const asked = makeTask({ idempotency: KEYED });
    expect(await store.insert(asked, NO_LIMITS, LONG_MS)).toMatchObject({ record: { id: asked.record.id } });
    await isAside(made, keyed);
    const lost = await run(store);
    damage(made, lost);
    expect(await store.transition(lost, 1, change({}))).toBeUndefined();
    expect(await store.admit(lost, 1, change({}), NO_LIMITS)).toBeUndefined();
    expect(await store.append(lost, "process-1", [output("x")])).toBe(0);
    expect(await store.checkpoint(lost, "process-1", "1")).toBe(false);
    expect(await store.payload(lost)).toBeUndefined();
    await isAside(made, lost);
    const again = { ...lost, version: 4, lastSeq: 7 };
    const answer = await store.insert({ record: again, events: [started] }, NO_LIMITS, LONG_MS);
    expect(answer).toMatchObject({ status: "inserted", record: { version: 4, lastSeq: 8 } });
    expect(await store.get(ADA, lost.id)).toMatchObject({ version: 4, lastSeq: 8 });
    expect(made.database.prepare("SELECT count(*) AS n FROM offload_damaged").get()).toMatchObject({ n: 3 });
    expect(made.told).toHaveLength(3);
  });

  test("that lacks what it takes to start it again is not started again", async () => {
    const made = world();
    const tasks = upTo(3).map(() => makeTask());
    for (const task of tasks) await made.store.insert({ ...task, input: "1" }, NO_LIMITS, LONG_MS);
    const [one, two, three] = tasks.map(({ record }) => record) as [TaskRecord, TaskRecord, TaskRecord];
    made.database.exec(
      `UPDATE offload_parts SET text = x'00ff' WHERE part = -1 AND task = ${keyOf(made, one)}`,
    );
    made.database.exec(`DELETE FROM offload_parts WHERE part = -1 AND task = ${keyOf(made, two)}`);
    expect([await made.store.payload(one), await made.store.payload(two)]).toEqual([undefined, undefined]);
    expect(await made.store.payload(three)).toEqual({ input: "1", checkpoint: null });
    expect(await made.store.get(ADA, one.id)).toMatchObject({ status: "running" });
  });

  test("counts for no limit any more", async () => {
    const made = world();
    damage(made, await run(made.store));
    await made.store.list(ADA, { limit: 9 });
    const limits = { runningPerUser: 1, runningPerSession: 1, queuedPerUser: 1, exclusive: true };
    const next = await made.store.insert(makeTask({ sessionId: "one" }), limits, LONG_MS);
    expect(next).toMatchObject({ status: "inserted" });
  });

  test("is told of by one process, and its own user's only", async () => {
    const made = world();
    const bad = await run(made.store);
    damage(made, bad);
    const other = sqliteStore({ database: open(made.path) });
    other.onDamage?.((damage) => void made.told.push(damage));
    expect(await made.store.get({ userId: "eve" }, bad.id)).toBeUndefined();
    expect(await made.store.get({ userId: "ada", sessionId: "two" }, bad.id)).toBeUndefined();
    expect(made.told).toEqual([]);
    await Promise.all(
      [made.store, other].flatMap((store) => [store.list(ADA, { limit: 9 }), store.lapsed(9)]),
    );
    await isAside(made, bad);
  });

  test("does not keep a clock from being set back", async () => {
    const clock = new TestClock();
    const made = world();
    const store = sqliteStore({ database: open(made.path), clock: withoutMonotonic(clock) });
    damage(made, await run(store));
    clock.step(-LONG_MS);
    expect(await run(store)).toBeDefined();
    expect(await store.sweep(KEEP_ALL, 9)).toMatchObject({ evicted: 0 });
  });

  test.each(["rubbish", "{}", '{"time":"x","wall":1,"uptime":null}', "7"])(
    "a time that nobody can read, %s, is told anew",
    async (text) => {
      const { database, store, clock } = world();
      await run(store);
      database.prepare("UPDATE offload_meta SET value = ? WHERE name = 'time'").run(text);
      const other = sqliteStore({ database, clock });
      expect(await run(other)).toBeDefined();
      expect(await other.lapsed(9)).toEqual([]);
    },
  );
});

describe.each(DRIVERS)("a record that has disappeared, on $name", ({ open }) => {
  const begin = async (store: TaskStore) => {
    const { record } = makeTask();
    await store.insert({ record, events: [started] }, NO_LIMITS, LONG_MS);
    await store.append(record, "process-1", [output("a"), output("b")]);
    const known = await store.transition(record, 1, change({ deadlineAt: 9 }));
    if (known === undefined) throw new Error("It was not written.");
    return known;
  };
  const isGone = async (store: TaskStore, record: TaskRecord) => {
    expect(await store.renew("process-1", [record], LONG_MS)).toEqual([]);
    expect(await store.transition(record, record.version, change({}))).toBeUndefined();
    expect(await store.append(record, "process-1", [output("c")])).toBe(0);
    expect(await store.get(ADA, record.id)).toBeUndefined();
  };
  /** It goes on as it was, with its version, and its events after the last. */
  const goesOn = async (store: TaskStore, record: TaskRecord) => {
    const { lastSeq, version } = record;
    const answer = await store.insert({ record, events: [started] }, NO_LIMITS, LONG_MS);
    expect(answer).toMatchObject({ record: { version, lastSeq: lastSeq + 1 } });
    const end = { ...change({ status: "completed", completedAt: 3 }, [completed]), result: whole(42) };
    expect(await store.transition(record, version, end)).toMatchObject({ lastSeq: lastSeq + 2 });
    expect(await store.result(ADA, record.id)).toEqual(whole(42));
    const page = await store.events(ADA, record.id, { after: 1, limit: 9 });
    expect(page).toMatchObject({ truncated: true, nextAfter: lastSeq + 2 });
    expect(page?.events.map(({ seq }) => seq)).toEqual([lastSeq + 1, lastSeq + 2]);
  };

  test("since all rows were deleted, is written anew as it was", async () => {
    const database = open(newPath());
    const store = sqliteStore({ database });
    const record = await begin(store);
    database.exec("DELETE FROM offload_tasks");
    await isGone(store, record);
    await goesOn(store, record);
  });

  test("since another file was put in its place, is written anew as it was", async () => {
    const database: SqliteDatabaseLike = open(newPath());
    const record = await begin(sqliteStore({ database }));
    database.close();
    const store = sqliteStore({ database: open(newPath()) });
    await isGone(store, record);
    await goesOn(store, record);
  });
});
