import type { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import type { Damage, TaskStore } from "../../../src/core/model/store.ts";
import type { TaskRecord } from "../../../src/core/model/task.ts";
import { FollowUpDispatcher } from "../../../src/follow-up/index.ts";
import { BackgroundTaskManager } from "../../../src/index.ts";
import { nameOfTask, shardOf } from "../../../src/stores/redis/names.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import {
  ADA,
  change,
  completed,
  insert,
  LONG_MS,
  NO_LIMITS,
  read,
  upTo,
  whole,
} from "../../../src/testing/suite/lab.ts";
import { until } from "../../support/until.ts";
import { describeWithServer, keysOf, labOf, newPrefix, newStore } from "./lab.ts";

const KEEP_ALL = { finishedPerUser: null, finishedTtlMs: null, followUpTtlMs: null, followUpsPerUser: null };
const END = {
  ...change(
    {
      status: "completed",
      completedAt: 1,
      followUp: { status: "pending", mode: "when_idle", attempts: 0, reason: null },
    },
    [completed],
  ),
  result: whole(42),
};

/** What can be wrong with a task, on the server. */
type Break = (client: Redis, key: (part: string) => string) => Promise<unknown>;
const OF_ALL: Record<string, Break> = {
  "its hash is gone": (client, key) => client.del(key("task")),
  "its hash is a text": (client, key) => client.del(key("task")).then(() => client.set(key("task"), "x")),
  "its status is gone": (client, key) => client.hdel(key("task"), "status"),
  "its status is unknown": (client, key) => client.hset(key("task"), "status", '"done"'),
  "its version is no number": (client, key) => client.hset(key("task"), "version", "x"),
  "its session is gone": (client, key) => client.hdel(key("task"), "session"),
  "its follow-up is no JSON": (client, key) => client.hset(key("task"), "followUpStatus", "{"),
  "its error is no JSON": (client, key) => client.hset(key("task"), "error", "{"),
  "its progress is of another type": (client, key) => client.hset(key("task"), "progress", "7"),
  "its call is gone": (client, key) => client.del(key("call")),
  "its call is no JSON": (client, key) => client.set(key("call"), "rubbish\nrubbish"),
  "its call has one line": (client, key) => client.set(key("call"), "rubbish"),
  "its call is a list": (client, key) => client.del(key("call")).then(() => client.rpush(key("call"), "x")),
  "its call is another's": (client, key) =>
    client.get(key("call")).then((text) => client.set(key("call"), text?.replace('"ada"', '"eve"') ?? "")),
  "its log is gone": (client, key) => client.del(key("log")),
  "its log is a text": (client, key) => client.del(key("log")).then(() => client.set(key("log"), "x")),
};
const OF_ENDED: Record<string, Break> = {
  "its result is gone": (client, key) => client.del(key("result")),
  "its result is a list": (client, key) =>
    client.del(key("result")).then(() => client.rpush(key("result"), "x")),
};
/** What is only seen by who reads it. */
const OF_READERS: [what: string, run: Break, read: "result" | "events"][] = [
  ["its result is no JSON", (client, key) => client.set(key("result"), "{"), "result"],
  [
    "its result is none",
    (client, key) => client.set(key("result"), '{"kind":"whole","json":"{","lossy":[]}'),
    "result",
  ],
  ["an event is no JSON", (client, key) => client.lset(key("log"), 0, "7 {"), "events"],
  ["an event is none", (client, key) => client.lset(key("log"), 0, '7 {"at":1}'), "events"],
];

describeWithServer("a damaged task", [], (lab) => {
  async function world(prefix = newPrefix()) {
    const store = newStore(lab.client, prefix);
    const damages: Damage[] = [];
    store.onDamage?.((damage) => damages.push(damage));
    const breakTask = (task: TaskRecord, run: Break) =>
      run(lab.client, (part) => `{${prefix}:${shardOf(task.userId, 16)}}:${part}:${nameOfTask(task)}`);
    return { store, damages, breakTask, prefix };
  }

  async function pending(store: TaskStore, fields: Partial<TaskRecord> = {}): Promise<TaskRecord> {
    const record = await insert(labOf(store), fields);
    const ended = await store.transition(record, 1, END);
    if (ended === undefined) throw new Error("It is gone.");
    return ended;
  }

  async function expectRefused(store: TaskStore, { id }: TaskRecord): Promise<void> {
    const reads = [
      () => store.get(ADA, id),
      () => store.result(ADA, id),
      () => store.events(ADA, id, { after: 0, limit: 9 }),
    ];
    for (const call of reads) {
      await expect(call()).rejects.toMatchObject({
        message: expect.stringContaining(id),
        damage: { userId: "ada", taskId: id, place: expect.stringContaining(id), reason: expect.any(String) },
      });
    }
  }

  describe.each(Object.entries({ ...OF_ALL, ...OF_ENDED }))("%s", (_what, run) => {
    test("a claim sets it aside, tells it once, and goes on with the rest", async () => {
      const { store, damages, breakTask } = await world();
      const broken = await pending(store, { sessionId: "one" });
      const beside = await pending(store, { sessionId: "one" });
      const other = await pending(store, { sessionId: "two" });
      await breakTask(broken, run);
      const claims = [await store.claim("me", LONG_MS, {}), await store.claim("me", LONG_MS, {})];
      expect(claims.flatMap((claim) => claim?.tasks.map(({ id }) => id))).toEqual([beside.id, other.id]);
      expect(damages).toMatchObject([{ userId: "ada", taskId: broken.id }]);
      for (const claim of claims) {
        if (claim) expect(await store.settle(claim, {})).toHaveLength(1);
      }
      expect((await store.list(ADA, { limit: 9 })).records).toHaveLength(2);
      expect(await store.sweep({ ...KEEP_ALL, followUpTtlMs: -1, finishedTtlMs: -1 }, 9)).toMatchObject({
        evicted: 2,
      });
      expect(damages).toHaveLength(1);
      await expectRefused(store, broken);
      expect(await store.transition(broken, broken.version, change({ deadlineAt: 1 }))).toBeUndefined();
    });

    test("so does one that finds nothing else", async () => {
      const { store, damages, breakTask } = await world();
      await breakTask(await pending(store), run);
      expect(await store.claim("me", LONG_MS, {})).toBeUndefined();
      expect(damages).toHaveLength(1);
    });

    test("so does a list", async () => {
      const { store, damages, breakTask } = await world();
      const [first, broken, last] = [await pending(store), await pending(store), await pending(store)];
      await breakTask(broken, run);
      const { records } = await store.list({ userId: "ada" }, { limit: 9 });
      expect(records.map(({ id }) => id).sort()).toEqual([first.id, last.id].sort());
      expect((await store.list(ADA, { limit: 9 })).records).toHaveLength(2);
      expect((await store.list({ ...ADA, sessionId: "session-1" }, { limit: 9 })).records).toHaveLength(2);
      expect(damages).toHaveLength(1);
      expect(await store.claim("me", LONG_MS, {})).toMatchObject({ tasks: [{}, {}] });
    });

    test("so does a sweep", async () => {
      const { store, damages, breakTask } = await world();
      const [broken] = [await pending(store), await pending(store)];
      await breakTask(broken, run);
      const { expired } = await store.sweep({ ...KEEP_ALL, followUpTtlMs: -1 }, 9);
      expect(expired).toHaveLength(1);
      expect(damages).toMatchObject([{ taskId: broken.id }]);
    });

    test("who reads it is told so, and every other process too", async () => {
      const { store, damages, breakTask, prefix } = await world();
      const broken = await pending(store);
      await breakTask(broken, run);
      await store.claim("me", LONG_MS, {});
      await expectRefused(store, broken);
      await expectRefused(newStore(lab.client, prefix), broken);
      expect(damages).toHaveLength(1);
      const kept = await keysOf(lab.client, prefix);
      const { place } = damages[0] as Damage;
      if (_what !== "its hash is gone") expect(kept).toContain(place);
    });
  });

  describe.each(Object.entries(OF_ALL))("one that runs: %s", (_what, run) => {
    test("those who look for others set it aside, and its owner may write it anew", async () => {
      const { store, damages, breakTask } = await world();
      const broken = await insert(labOf(store));
      const { record: other } = makeTask();
      await store.insert({ record: other, events: [] }, NO_LIMITS, -1);
      await breakTask(broken, run);
      const renewals = await store.renew("process-1", [broken, other], 0);
      expect(renewals.map(({ id }) => id)).toContain(other.id);
      expect((await store.lapsed(9)).map(({ id }) => id)).toContain(other.id);
      await store.list(ADA, { limit: 9 });
      expect(damages).toMatchObject([{ taskId: broken.id }]);
      await expect(store.get(ADA, broken.id)).rejects.toThrow("damaged");
      const again = { record: broken, events: [completed] };
      expect(await store.insert(again, NO_LIMITS, LONG_MS)).toMatchObject({ status: "inserted" });
      expect(await read(labOf(store), broken)).toMatchObject({
        lastSeq: broken.lastSeq + 1,
        status: "running",
      });
      expect(await store.transition(broken, broken.version, END)).toMatchObject({ status: "completed" });
    });
  });

  test.each(OF_READERS)("%s: who reads it sets it aside", async (_what, run, method) => {
    const { store, damages, breakTask } = await world();
    const [broken, other] = [await pending(store), await pending(store)];
    await breakTask(broken, run);
    const reading =
      method === "result"
        ? store.result(ADA, broken.id)
        : store.events(ADA, broken.id, { after: 0, limit: 9 });
    await expect(reading).rejects.toThrow("damaged");
    expect(damages).toMatchObject([{ taskId: broken.id }]);
    await expectRefused(store, broken);
    expect(await store.claim("me", LONG_MS, {})).toMatchObject({ tasks: [{ id: other.id }] });
  });

  const INDEXES = [
    "leases",
    "all:ada",
    "in:ada/+one",
    "open:ada",
    "waiting",
    "waiting:ada",
    "crowd:waiting",
    "load:ada",
  ];
  const QUEUES = [
    "due:when_idle:ada/+one",
    "lane:when_idle:0",
    "lanes",
    "delayed",
    "claims",
    "claim:ada/+one",
    "turns",
  ];

  test.each([...INDEXES, ...QUEUES])(
    "an index that is another kind of value stops nobody: %s",
    async (name) => {
      const { store, damages, prefix } = await world();
      const due = await pending(store, { sessionId: "one" });
      const running = await insert(labOf(store), { sessionId: "one" });
      const index = `{${prefix}:${shardOf("ada", 16)}}:${name}`;
      await lab.client.del(index);
      await lab.client.set(index, "rubbish");
      await until(async () => {
        const claim = await store.claim("me", LONG_MS, {});
        expect(claim).toMatchObject({ tasks: [{ id: due.id }] });
        if (claim) await store.settle(claim, { [due.id]: { type: "acknowledge" } });
      });
      expect(await store.transition(running, 1, END)).toMatchObject({ status: "completed" });
      await store.sweep({ ...KEEP_ALL, finishedTtlMs: -1 }, 9);
      await insert(labOf(store), { sessionId: "one" });
      expect((await store.list({ ...ADA, sessionId: "one" }, { limit: 9 })).records.length).toBeGreaterThan(
        0,
      );
      expect(damages.filter(({ taskId }) => taskId === null).length).toBeLessThanOrEqual(1);
      expect(damages.filter(({ taskId }) => taskId !== null)).toEqual([]);
      expect((await keysOf(lab.client, prefix)).some((key) => key.endsWith(`aside:${name}`))).toBe(
        damages.length > 0,
      );
    },
  );
});

describeWithServer("a dispatcher on a server with damaged tasks", [], (lab) => {
  test("delivers all others, and tells of each damaged one", async () => {
    const prefix = newPrefix();
    const tasks = new BackgroundTaskManager({ store: newStore(lab.client, prefix), storeTimeoutMs: 15_000 });
    const told: (string | null)[] = [];
    tasks.on("record.damaged", ({ taskId }) => void told.push(taskId));
    const ids: string[] = [];
    for (const n of upTo(6)) {
      const scope = { ...ADA, sessionId: `s${n % 3}` };
      ids.push((await tasks.start({ toolName: "search", input: n, scope }, () => "found")).id);
    }
    await tasks.wait(ADA, ids, { timeoutMs: 15_000 });
    const [noJson = "", noHash = "", ...sound] = ids;
    const shard = `{${prefix}:${shardOf("ada", 16)}}`;
    await lab.client.set(`${shard}:result:ada/${noJson}`, "{");
    await lab.client.set(`${shard}:task:ada/${noHash}`, "rubbish");
    const delivered: string[] = [];
    const deliver = async ({ followUps }: { followUps: readonly { id: string }[] }) => {
      delivered.push(...followUps.map(({ id }) => id));
    };
    const dispatcher = new FollowUpDispatcher({ tasks, deliver }).start();
    await until(() => expect(delivered.toSorted()).toEqual(sound.toSorted()));
    await until(() => expect(told.toSorted()).toEqual([noJson, noHash].toSorted()));
    await expect(tasks.result(ADA, noJson)).rejects.toMatchObject({ code: "store_failed" });
    await dispatcher.stop();
    await tasks.close();
  });
});
