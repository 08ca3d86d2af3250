import { expect, test } from "vitest";
import type { SessionClaim } from "../../../src/core/model/session-claim.ts";
import type { TaskStore } from "../../../src/core/model/store.ts";
import type { TaskRecord } from "../../../src/core/model/task.ts";
import { nameOf, nameOfTask, nameOfUser, shardOf } from "../../../src/stores/redis/names.ts";
import { redisStore } from "../../../src/stores/redis.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import {
  ADA,
  change,
  completed,
  finish,
  finishPending,
  idsOf,
  insert,
  LEASE_MS,
  LONG_MS,
  log,
  NO_LIMITS,
  output,
  progress,
  read,
  upTo,
  whole,
} from "../../../src/testing/suite/lab.ts";
import { describeWithServer, keysOf, labOf, newPrefix, newStore } from "./lab.ts";

const KEEP_ALL = { finishedPerUser: null, finishedTtlMs: null, followUpTtlMs: null, followUpsPerUser: null };
const KEEP_NONE = { finishedPerUser: 0, finishedTtlMs: 0, followUpTtlMs: 0, followUpsPerUser: 0 };
const END = { ...change({ status: "completed", completedAt: 1 }, [completed]), result: whole(42) };
const HALVES = ["\ud800", "\ud801", "\udfff", "a\ud800", "\ufffd", "%d800"];

describeWithServer("keys", [], (lab) => {
  /** Something of everything that can be kept. */
  async function fill(store: TaskStore): Promise<TaskRecord[]> {
    const world = labOf(store);
    const open: TaskRecord[] = [];
    for (const userId of upTo(20).map((n) => `user-${n}`)) {
      const task = makeTask({ userId, duplicateKey: "key" }, [progress(1), output("x")]);
      await store.insert({ ...task, input: "{}" }, NO_LIMITS, LONG_MS);
      await store.checkpoint(task.record, "process-1", "1");
      open.push(task.record, await insert(world, { userId, sessionId: null, status: "queued" }));
      await finish(world, { userId });
      for (const mode of ["when_idle", "interrupt", "silent"] as const) {
        await finishPending(world, { userId, sessionId: mode === "silent" ? null : "two" }, mode);
      }
    }
    return open;
  }

  /** Claims everything, and has of each outcome some. */
  async function deliver(store: TaskStore): Promise<void> {
    const outcomes = [
      { type: "acknowledge" },
      { type: "release", delayMs: LONG_MS },
      { type: "defer", delayMs: LONG_MS },
      { type: "drop", reason: "session_gone" },
    ] as const;
    for (let turn = 0; turn < 40; turn += 1) {
      const claim = await store.claim("me", turn % 5 === 4 ? LEASE_MS : LONG_MS, { maxTurns: 9 });
      if (claim === undefined) return;
      if (turn % 5 === 4) continue;
      const outcome = outcomes[turn % 5] ?? outcomes[0];
      await store.settle(claim, Object.fromEntries(claim.tasks.map(({ id }) => [id, outcome])));
    }
  }

  /** Holds some sessions, is asked to stop, waits for them, and never says another word. */
  async function hold(store: TaskStore): Promise<void> {
    const terms = { by: "user", take: true, maxHolds: 3, waitMs: LEASE_MS } as const;
    for (const userId of upTo(20).map((n) => `user-${n}`)) {
      const session = { userId, sessionId: "two" };
      await store.hold("dead", LEASE_MS, session, terms);
      await store.stopTurn(session, "Enough.", null);
      await store.hold("late", LEASE_MS, session, { ...terms, waitMs: 2 * LEASE_MS });
    }
  }

  test("every key has the hash tag of a shard, and all of a user that of their own", async () => {
    const prefix = newPrefix();
    const store = newStore(lab.client, prefix);
    await fill(store);
    await deliver(store);
    await hold(store);
    const tags = new Set<string>();
    for (const key of await lab.client.keys("*")) {
      // The server takes for the tag what stands between the first braces.
      const [, tag = "", user] = /^\{([^}]+)\}:(?:.*?(user-\d+))?/.exec(key) ?? [];
      tags.add(tag);
      expect(tag.replace(/\d+$/, "")).toBe(`${prefix}:`);
      if (user !== undefined) expect(tag).toBe(`${prefix}:${shardOf(user, 16)}`);
    }
    expect(tags.size).toBeGreaterThan(8);
  });

  test("the shard of a user stays the same for good, and users are spread evenly", () => {
    const users = ["", "ada", "grace", "ünï 😀", "x".repeat(100)];
    expect(users.map((user) => shardOf(user, 16))).toEqual([11, 14, 3, 7, 2]);
    const shards = upTo(16_000).map((n) => shardOf(`user-${n}`, 16));
    for (const shard of upTo(16)) {
      const users = shards.filter((other) => other === shard - 1);
      expect(Math.abs(users.length - 1_000)).toBeLessThan(150);
    }
  });

  test("when everything is swept, no key is left but the versions and the numbers of turns", async () => {
    const prefix = newPrefix();
    const store = newStore(lab.client, prefix);
    const open = await fill(store);
    await deliver(store);
    await hold(store);
    for (const task of open) await store.transition(task, 1, END);
    await labOf(store).advance(2 * LEASE_MS);
    for (let more = true; more; ) ({ more } = await store.sweep(KEEP_NONE, 1_000));
    const left = await keysOf(lab.client, prefix);
    expect(left.filter((key) => !/:settled:|:version$|:number$/.test(key))).toEqual([]);
  });

  test("what is kept to know a settlement again is gone after a minute", async () => {
    const prefix = newPrefix();
    const store = newStore(lab.client, prefix);
    const { id } = await finishPending(labOf(store));
    const claim = (await store.claim("me", LONG_MS, {})) as SessionClaim;
    await store.settle(claim, { [id]: { type: "acknowledge" } });
    const [settled = ""] = (await keysOf(lab.client, prefix)).filter((key) => key.includes(":settled:"));
    const ttlMs = await lab.client.pttl(settled);
    expect(ttlMs).toBeGreaterThan(0);
    expect(ttlMs).toBeLessThanOrEqual(60_000);
  });

  test("a result of a mebibyte comes back as it was", async () => {
    const store = newStore(lab.client);
    const result = whole("ü😀".repeat(2 ** 20 / 6));
    const record = await insert(labOf(store));
    await store.transition(record, 1, { ...END, result });
    expect(await store.result(ADA, record.id)).toEqual(result);
  });

  test("a client may put a prefix of its own in front", async () => {
    const prefix = newPrefix();
    const [store, other] = ["app:", "other:"].map((keyPrefix) =>
      newStore(lab.newClient({ keyPrefix }), prefix),
    ) as [TaskStore, TaskStore];
    const record = await insert(labOf(store));
    expect(await store.list(ADA, { limit: 9 })).toEqual({ records: [record], more: false });
    expect(await idsOf(labOf(other), "ada")).toEqual([]);
  });

  test("halves of surrogate pairs are not taken for one another", async () => {
    // In one shard, where they would meet.
    const store = redisStore({ client: lab.client, prefix: newPrefix(), shards: 1 });
    for (const text of HALVES) {
      const task = {
        userId: text,
        sessionId: text,
        id: text,
        duplicateKey: text,
        owner: text,
        toolName: text,
      };
      const record = await insert(labOf(store), task, [output(text)]);
      expect(await store.transition(record, 1, { ...END, result: whole(text) })).toMatchObject(task);
    }
    for (const text of HALVES) {
      const scope = { userId: text, sessionId: text };
      const { records } = await store.list(scope, { limit: 9 });
      expect(records).toMatchObject([
        { userId: text, sessionId: text, id: text, toolName: text, owner: text },
      ]);
      expect(await store.result(scope, text)).toEqual(whole(text));
      const [record] = records;
      expect(record && (await log(labOf(store), record))[0]).toMatchObject({ chunk: text, taskId: text });
    }
  });

  test("names keep apart what is apart", () => {
    expect(new Set(HALVES.map(nameOf)).size).toBe(HALVES.length);
    expect(nameOf("a/b:c d😀ü\0")).toBe("a/b:c d😀ü\0");
    expect(nameOfUser("a/b%")).toBe("a%002fb%0025");
    const pairs = [
      { userId: "a/b", id: "c" },
      { userId: "a", id: "b/c" },
      { userId: "a%002fb", id: "c" },
    ];
    expect(new Set(pairs.map(nameOfTask)).size).toBe(3);
  });
});

describeWithServer("many at once", [], (lab) => {
  async function insertMany(store: TaskStore, count: number, fields: (n: number) => Partial<TaskRecord>) {
    await Promise.all(
      upTo(count).map((n) => insert(labOf(store), { id: `t${n}`, createdAt: n, ...fields(n) })),
    );
  }

  test("a rare status is found among thousands, and so is a session", async () => {
    const store = newStore(lab.client);
    await insertMany(store, 2_500, (n) => ({
      status: n % 1_000 === 7 ? "failed" : "running",
      sessionId: n % 800 === 3 ? "rare" : `often-${n % 2}`,
    }));
    const ids = async (query: Partial<Parameters<TaskStore["list"]>[1]>, sessionId?: string) => {
      const page = await store.list({ userId: "ada", sessionId }, { limit: 100, ...query });
      return [page.records.map(({ id }) => id), page.more];
    };
    expect(await ids({ status: ["failed"] })).toEqual([["t2007", "t1007", "t7"], false]);
    expect(await ids({ status: ["failed"], limit: 2 })).toEqual([["t2007", "t1007"], true]);
    expect(await ids({ status: ["failed"], limit: 3 })).toMatchObject([{}, false]);
    expect(await ids({ status: ["failed"], after: { createdAt: 1_007, id: "t1007" } })).toEqual([
      ["t7"],
      false,
    ]);
    const rare = [["t2403", "t1603", "t803", "t3"], false];
    expect(await ids({}, "rare")).toEqual(rare);
    expect(await ids({ status: ["running"] }, "rare")).toEqual(rare);
    expect(await ids({ status: ["running"], limit: 3 }, "rare")).toMatchObject([{}, true]);
  });

  test.each([999, 1_000, 1_001, 2_000])("a page of 1,000 out of %d is whole", async (count) => {
    const store = newStore(lab.client);
    await insertMany(store, count, () => ({}));
    const { records, more } = await store.list(ADA, { limit: 1_000 });
    expect(records.map(({ createdAt }) => createdAt)).toEqual(upTo(count).reverse().slice(0, 1_000));
    expect(more).toBe(count > 1_000);
    expect((await store.list(ADA, { limit: 2_000 })).records).toHaveLength(count);
  });

  test("leases are renewed in the order asked, however many there are", async () => {
    const store = newStore(lab.client);
    const tasks = upTo(1_200).map((n) => makeTask({ userId: n % 7 === 0 ? "grace" : "ada" }).record);
    await Promise.all(tasks.map((record) => store.insert({ record, events: [] }, NO_LIMITS, LONG_MS)));
    const renewals = await store.renew("process-1", tasks, LONG_MS);
    expect(renewals.map(({ id }) => id)).toEqual(tasks.map(({ id }) => id));
  });

  test("a sweep goes on until it has what it may have", async () => {
    const store = newStore(lab.client);
    await Promise.all(upTo(350).map((n) => finish(labOf(store), { completedAt: n })));
    expect(await store.sweep({ ...KEEP_ALL, finishedPerUser: 50 }, 120)).toMatchObject({
      evicted: 120,
      more: true,
    });
    expect(await store.sweep({ ...KEEP_ALL, finishedPerUser: 50 }, 1_000)).toMatchObject({
      evicted: 180,
      more: false,
    });
  });

  test("sessions whose delays or claims end together are all claimed", async () => {
    const store = newStore(lab.client);
    const sessions = upTo(250).map((n) => `session-${n}`);
    await Promise.all(sessions.map((sessionId) => finishPending(labOf(store), { sessionId })));
    for (const sessionId of sessions) {
      const session = { userId: "ada", sessionId };
      const claim = (await store.claim("me", LEASE_MS, { session })) as SessionClaim;
      const [task] = claim.tasks;
      const isDelayed = Number(sessionId.slice(8)) % 2 === 0;
      if (isDelayed && task) await store.settle(claim, { [task.id]: { type: "release", delayMs: LEASE_MS } });
    }
    await labOf(store).advance(LEASE_MS);
    const claimed = new Set<string | null>();
    for (;;) {
      const claim = await store.claim("me", LONG_MS, {});
      if (claim === undefined) break;
      claimed.add(claim.sessionId);
    }
    expect(claimed.size).toBe(sessions.length);
  });

  test("nobody is overlooked behind many that are due and not wanted", async () => {
    const store = newStore(lab.client);
    const delay = async (sessionId: string, mode: "silent" | "when_idle") => {
      const { id } = await finishPending(labOf(store), { sessionId }, mode);
      const filter = { session: { userId: "ada", sessionId }, modes: [mode] };
      const claim = (await store.claim("me", LONG_MS, filter)) as SessionClaim;
      await store.settle(claim, { [id]: { type: "release", delayMs: LEASE_MS } });
    };
    await Promise.all(upTo(250).map((n) => delay(`session-${n}`, "silent")));
    await delay("last", "when_idle");
    await labOf(store).advance(LEASE_MS);
    expect(await store.claim("me", LONG_MS, {})).toMatchObject({ sessionId: "last" });
  });

  test("a session may have more follow-ups than Lua has room for at once", async () => {
    const store = newStore(lab.client);
    const followUp = { status: "pending", mode: "when_idle", attempts: 0, reason: null } as const;
    await insertMany(store, 8_100, () => ({ status: "completed", followUp }));
    const claim = (await store.claim("me", LONG_MS, {})) as SessionClaim;
    expect(claim.tasks).toHaveLength(8_100);
    expect(await store.settle(claim, {})).toHaveLength(8_100);
    expect(await read(labOf(store), claim.tasks[0] as TaskRecord)).toMatchObject({ followUp, version: 3 });
  });

  test("an append may have more events than Lua has room for at once", async () => {
    const store = newStore(lab.client);
    const record = await insert(labOf(store));
    expect(await store.append(record, "process-1", upTo(9_000).map(progress))).toBe(9_001);
    expect(await log(labOf(store), record)).toHaveLength(1_000);
  });
});
