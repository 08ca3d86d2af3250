import { expect, test } from "vitest";
import type { TaskStore } from "../../../src/core/model/store.ts";
import type { TaskRecord } from "../../../src/core/model/task.ts";
import { type Delivery, FollowUpDispatcher } from "../../../src/follow-up/index.ts";
import { BackgroundTaskManager } from "../../../src/index.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import {
  ADA,
  completed,
  finish,
  insert,
  LONG_MS,
  NO_LIMITS,
  output,
  transition,
  upTo,
  whole,
} from "../../../src/testing/suite/lab.ts";
import { until } from "../../support/until.ts";
import { damagesOf } from "./damages.ts";
import { describePostgres, labOf } from "./lab.ts";

/** By what is wrong: what was done to the row of a task, and what is said of it. */
const DAMAGES: Record<string, [change: string, reason: string]> = {
  "details that are no JSON": ["details = '{'", "its details cannot be read"],
  "details that are nothing": ["details = 'null'", "its details cannot be read"],
  "details of wrong types": [`details = '{"priority":"high"}'`, "is missing or wrong"],
  "a status that there is not": ["status = 'done'", "its status is missing or wrong"],
  "a progress that is no JSON": ["progress = '['", "its progress cannot be read"],
  "an error that is no JSON": ["error = 'oops'", "its error cannot be read"],
  "an error without a code": ["error = '{}'", "its error is missing or wrong"],
  "a cancel that is no JSON": ["cancel = 'x'", "its cancel cannot be read"],
  "a reason that cannot be read": ["follow_up_reason = E'\\x01x'", "its follow_up_reason cannot be read"],
  "a mode that there is not": ["follow_up_mode = 'shout'", "its followUp is missing or wrong"],
  "an instant that is no number": ["created_at = 'NaN'", "its createdAt is missing or wrong"],
};

const KEYED = { key: "asked-once", digest: "d" };
const OTHER = { key: "another", digest: "d" };
const KEEP_ALL = { finishedPerUser: null, finishedTtlMs: null, followUpTtlMs: null, followUpsPerUser: null };

describePostgres("records that are damaged", (pg) => {
  const setUp = (sharing?: string) => damagesOf(pg, sharing);
  const claimAll = async (store: TaskStore) => {
    const ids: string[] = [];
    for (;;) {
      const claim = await store.claim("me", LONG_MS, {});
      if (claim === undefined) return ids;
      ids.push(...claim.tasks.map(({ id }) => id));
    }
  };

  test.each(Object.entries(DAMAGES))(
    "%s: all others are claimed, and it is told once",
    async (_what, [change, reason]) => {
      const { schema, store, told, run, damage, keyOf, pending } = await setUp();
      const records = [
        await pending("one"),
        await pending("two"),
        await pending("two"),
        await pending("three"),
      ];
      const [one, broken, beside, three] = records as [TaskRecord, TaskRecord, TaskRecord, TaskRecord];
      await damage(broken, change);
      expect(await claimAll(store)).toEqual([one.id, beside.id, three.id]);
      const place = `"${schema}".tasks, key ${await keyOf(broken)}`;
      const expected = { userId: "ada", taskId: broken.id, place, reason: expect.stringContaining(reason) };
      expect(told).toEqual([expected]);
      await expect(store.get(ADA, broken.id)).rejects.toMatchObject({
        message: expect.stringContaining(place),
        damage: expected,
      });
      await expect(store.result(ADA, broken.id)).rejects.toThrow(reason);
      await expect(store.events(ADA, broken.id, { after: 0, limit: 9 })).rejects.toThrow(reason);
      expect(await claimAll(store)).toEqual([]);
      expect(told).toHaveLength(1);
      expect((await run(`SELECT FROM @tasks WHERE ${change}`)).rows).toHaveLength(1);
    },
  );

  test("a session of which all is damaged is passed over, and is free again", async () => {
    const { store, told, damage, pending } = await setUp();
    for (const record of [await pending("one"), await pending("one")]) await damage(record, "details = '{'");
    const healthy = await pending("two");
    expect((await store.claim("me", LONG_MS, {}))?.tasks).toMatchObject([{ id: healthy.id }]);
    expect(told).toHaveLength(2);
    const later = await pending("one");
    expect((await store.claim("me", LONG_MS, {}))?.tasks).toMatchObject([{ id: later.id }]);
  });

  test("it is left out of holds, of what is taken in later, and of what is settled", async () => {
    const { store, told, damage, pending } = await setUp();
    const [held, broken] = [await pending("one"), await pending("one")];
    await damage(broken, "details = '{'");
    const terms = { by: "user", take: true, maxHolds: 3, waitMs: 0 } as const;
    const claim = await store.hold("me", LONG_MS, { userId: "ada", sessionId: "one" }, terms);
    if ("heldBy" in claim) throw new Error("Another has it.");
    expect(claim.tasks).toMatchObject([{ id: held.id }]);
    const [taken, missed] = [await pending("one"), await pending("one")];
    await damage(missed, "details = '{'");
    expect(await store.extend(claim, ["when_idle"], 3)).toMatchObject([{ id: taken.id }]);
    await damage(taken, "error = '{'");
    expect(await store.settle(claim, {})).toMatchObject([{ id: held.id }]);
    expect(told.map(({ taskId }) => taskId)).toEqual([broken.id, missed.id, taken.id]);
  });

  test("what has lapsed, a page, and a renewal go on without it", async () => {
    const { store, told, damage } = await setUp();
    const tasks = upTo(5).map((n) => makeTask({ createdAt: n, id: `task-${n}` }));
    for (const task of tasks) await store.insert(task, NO_LIMITS, LONG_MS);
    const records = tasks.map(({ record }) => record) as [
      TaskRecord,
      TaskRecord,
      TaskRecord,
      ...TaskRecord[],
    ];
    await damage(records[0], "cancel = '{'");
    const renewals = await store.renew("process-1", records, -1);
    expect(renewals.map(({ id }) => id)).toEqual(["task-2", "task-3", "task-4", "task-5"]);
    await damage(records[1], "details = '{'");
    const lapsed = await store.lapsed(9);
    expect(lapsed.map(({ id }) => id).sort()).toEqual(["task-3", "task-4", "task-5"]);
    await damage(records[2], "details = '{'");
    const page = await store.list(ADA, { limit: 2, after: { createdAt: 5, id: "task-5" } });
    expect(page).toMatchObject({ records: [{ id: "task-4" }], more: false });
    expect((await store.list(ADA, { limit: 9, status: ["running"] })).records).toHaveLength(2);
    expect(await store.renew("process-1", records, LONG_MS)).toHaveLength(2);
    expect(told.map(({ taskId }) => taskId)).toEqual(["task-1", "task-2", "task-3"]);
  });

  test("a page is full although some of it is damaged", async () => {
    const { store, damage } = await setUp();
    const tasks = upTo(6).map((n) => makeTask({ createdAt: n, id: `task-${n}` }));
    for (const task of tasks) await store.insert(task, NO_LIMITS, LONG_MS);
    for (const n of [6, 5, 3]) await damage(tasks[n - 1]?.record as TaskRecord, "details = '{'");
    const page = await store.list(ADA, { limit: 2 });
    expect([page.records.map(({ id }) => id), page.more]).toEqual([["task-4", "task-2"], true]);
  });

  test("a sweep drops and evicts the others, and what it has set aside stays", async () => {
    const { store, told, run, damage, pending } = await setUp();
    const [broken, healthy] = [await pending("one"), await pending("two")];
    const done = [await finish(labOf(store)), await finish(labOf(store))];
    await damage(broken, "details = '{'");
    const { expired } = await store.sweep({ ...KEEP_ALL, followUpTtlMs: -1 }, 9);
    expect(expired.map(({ id }) => id)).toEqual([healthy.id]);
    expect(told).toMatchObject([{ taskId: broken.id }]);
    const { evicted } = await store.sweep({ ...KEEP_ALL, finishedTtlMs: -1, finishedPerUser: 0 }, 9);
    expect(evicted).toBe(done.length + 1);
    expect((await run("SELECT id FROM @tasks")).rows).toEqual([{ id: broken.id }]);
  });

  test("an equal call is not kept out by it, and no limit counts it", async () => {
    const { store, lab, told, damage } = await setUp();
    const broken = await insert(lab, { duplicateKey: "k" });
    await damage(broken, "details = '{'");
    const limits = { ...NO_LIMITS, runningPerUser: 1 };
    const equal = makeTask({ duplicateKey: "k" });
    expect(await store.insert(equal, limits, LONG_MS)).toMatchObject({
      status: "inserted",
      record: { id: equal.record.id },
    });
    expect(told).toMatchObject([{ taskId: broken.id }]);
  });

  test("its idempotency key is free, and goes with it", async () => {
    const { store, lab, told, damage } = await setUp();
    const [met, listed] = [
      await insert(lab, { idempotency: KEYED }),
      await insert(lab, { idempotency: OTHER }),
    ];
    await damage(met, "details = '{'");
    const asked = makeTask({ idempotency: KEYED });
    expect(await store.insert(asked, NO_LIMITS, LONG_MS)).toMatchObject({ record: { id: asked.record.id } });
    await damage(listed, "details = '{'");
    await store.list(ADA, { limit: 9 });
    expect(await store.insert(makeTask({ idempotency: OTHER }), NO_LIMITS, LONG_MS)).toMatchObject({
      status: "inserted",
    });
    expect(told).toMatchObject([{ taskId: met.id }, { taskId: listed.id }]);
  });

  test("nothing is written to it any more, until it is inserted anew; what was there stays", async () => {
    const { store, lab, told, run, damage, keyOf } = await setUp();
    const broken = await insert(lab);
    await store.append(broken, "process-1", [output("kept")]);
    await damage(broken, "details = '{'");
    const key = await keyOf(broken);
    const end = {
      patch: { status: "completed", completedAt: 1 },
      events: [completed],
      result: whole("x"),
    } as const;
    await expect(transition(lab, broken, { ...end, events: [] })).rejects.toMatchObject({
      damage: { taskId: broken.id },
    });
    expect(await store.transition(broken, 2, { ...end, events: [completed] })).toBeUndefined();
    expect(await store.append(broken, "process-1", [output("x")])).toBe(0);
    const again = { record: { ...broken, lastSeq: 2 }, events: [output("anew")] };
    const answer = await store.insert(again, NO_LIMITS, LONG_MS);
    expect(answer).toMatchObject({ status: "inserted", record: { lastSeq: 3, version: broken.version } });
    expect(await transition(lab, broken, { ...end, events: [completed] })).toMatchObject({ lastSeq: 4 });
    expect(await store.result(ADA, broken.id)).toEqual(whole("x"));
    expect(told).toMatchObject([{ taskId: broken.id }]);
    const { rows } =
      await run(`SELECT id, damage, (SELECT count(*)::int FROM @events e WHERE e.task_key = t.key) AS logged
      FROM @tasks t WHERE key = ${key}`);
    expect(rows).toEqual([{ id: `${broken.id} ${key}`, damage: "its details cannot be read", logged: 2 }]);
  });

  test("of several stores one tells of it", async () => {
    const { schema, store, told, damage, pending } = await setUp();
    const others = [await setUp(schema), await setUp(schema)];
    for (const n of upTo(10)) await damage(await pending(`session-${n}`), "details = '{'");
    const healthy = await pending("healthy");
    const ids = await Promise.all([store, ...others.map((other) => other.store)].map(claimAll));
    expect(ids.flat()).toEqual([healthy.id]);
    expect([told, ...others.map((other) => other.told)].flat()).toHaveLength(10);
  });

  test("a dispatcher delivers all others, and its manager tells of each", async () => {
    const { store, run } = await setUp();
    const tasks = new BackgroundTaskManager({ store, storeTimeoutMs: 15_000 });
    const told: (string | null)[] = [];
    tasks.on("record.damaged", ({ taskId }) => void told.push(taskId));
    const ids: string[] = [];
    for (const n of upTo(20)) {
      const call = { toolName: "search", input: {}, scope: { userId: "ada", sessionId: `session-${n % 4}` } };
      ids.push((await tasks.start(call, () => n)).id);
    }
    await tasks.wait(ADA, ids);
    const [unreadable, cut, lost] = ids.slice(7) as [string, string, string];
    await run(`UPDATE @tasks SET details = '{' WHERE id = '${unreadable}'`);
    const ofTask = (id: string) => `task_key = (SELECT key FROM @tasks WHERE id = '${id}')`;
    await run(`UPDATE @results SET head = '{' WHERE ${ofTask(cut)}`);
    await run(`DELETE FROM @results WHERE ${ofTask(lost)}`);
    const delivered: string[] = [];
    const deliver = ({ followUps }: Delivery) => {
      delivered.push(...followUps.map(({ task }) => task.id));
    };
    const terms = { coalesceMs: 0, pollMs: 20, retryMs: 1 };
    const dispatcher = new FollowUpDispatcher({ tasks, deliver, ...terms }).start();
    const damaged = [unreadable, cut, lost];
    await until(() => expect(delivered).toHaveLength(17));
    await dispatcher.stop();
    await tasks.close();
    expect(delivered.sort()).toEqual(ids.filter((id) => !damaged.includes(id)).sort());
    expect(told.sort()).toEqual(damaged.sort());
  }, 60_000);
});
