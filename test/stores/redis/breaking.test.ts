import { expect, test } from "vitest";
import type { SessionClaim } from "../../../src/core/model/session-claim.ts";
import type { TaskStore } from "../../../src/core/model/store.ts";
import type { TaskRecord } from "../../../src/core/model/task.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import {
  ADA,
  change,
  completed,
  finish,
  finishNext,
  finishPending,
  insert,
  LEASE_MS,
  LONG_MS,
  log,
  NO_LIMITS,
  ofTasks,
  output,
  progress,
  read,
  upTo,
  whole,
} from "../../../src/testing/suite/lab.ts";
import { until } from "../../support/until.ts";
import { describeWithServer, keysOf, labOf, newPrefix, newStore, throughClient } from "./lab.ts";

const KEEP_NONE = { finishedPerUser: 0, finishedTtlMs: 0, followUpTtlMs: 0, followUpsPerUser: 0 };
const END = { ...change({ status: "completed", completedAt: 1 }, [completed]), result: whole(42) };
const acknowledge = { type: "acknowledge" } as const;

/** From the beginning to the end, with two appends, whatever happens meanwhile. */
async function live(store: TaskStore, id: string): Promise<TaskRecord | undefined> {
  const task = makeTask({ id, userId: `user of ${id}` });
  await store.insert(task, NO_LIMITS, LONG_MS);
  await store.append(task.record, "process-1", [output("one")]);
  await store.append(task.record, "process-1", [output("two")]);
  return store.transition(task.record, 1, END);
}

/** That every call has been done, and none of them twice. */
async function expectLived(store: TaskStore, record: TaskRecord | undefined): Promise<void> {
  expect(record).toMatchObject({ status: "completed", version: 2, lastSeq: 4 });
  if (record === undefined) return;
  const events = await log(labOf(store), record);
  expect(events.map((event) => ("chunk" in event ? event.chunk : event.type))).toEqual([
    "task.started",
    "one",
    "two",
    "task.completed",
  ]);
}

describeWithServer(
  "a server that is restarted",
  ["--appendonly", "yes", "--appendfsync", "always"],
  (lab) => {
    test("nothing is lost", async () => {
      const store = newStore(lab.client);
      const world = labOf(store);
      const running = await insert(world, { duplicateKey: "the same" });
      await store.append(running, "process-1", [progress(1), output("x")]);
      const done = await finish(world);
      await finishNext(world, { sessionId: "two" });
      const pending = await finishNext(world, { sessionId: "one" });
      const claim = await store.claim("me", LONG_MS, { maxTurns: 9 });
      const lapsing = makeTask({ userId: "grace" });
      await store.insert(lapsing, NO_LIMITS, LEASE_MS);
      const before = await everything(store);

      await lab.server.kill();
      await lab.server.start();

      expect(await everything(store)).toEqual(before);
      const equal = makeTask({ duplicateKey: "the same" });
      expect(await store.insert(equal, NO_LIMITS, LONG_MS)).toMatchObject({ status: "duplicate" });
      expect(await store.transition(running, 1, END)).toMatchObject({ version: 2, lastSeq: 4 });
      expect(await store.claim("me", LONG_MS, {})).toMatchObject({ tasks: [{ id: pending.id }] });
      expect(claim && (await store.settle(claim, {}))).toMatchObject([{ sessionId: "two" }]);
      await world.advance(LEASE_MS);
      expect(await store.lapsed(9)).toMatchObject([{ id: lapsing.record.id }]);
      expect(await store.result(ADA, done.id)).toBeUndefined();
      expect(await store.result(ADA, running.id)).toEqual(whole(42));
    });

    test("hints come again", async () => {
      const prefix = newPrefix();
      const [store, other] = [newStore(lab.newClient(), prefix), newStore(lab.newClient(), prefix)];
      const ids = new Set<string>();
      store.watch?.(ofTasks((hint) => void ids.add(hint.id)));
      const { record } = makeTask();
      await other.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
      const heard = () =>
        until(async () => {
          await other.append(record, "process-1", [output("x")]);
          expect(ids).toContain(record.id);
        });
      await heard();
      await lab.server.kill();
      await lab.server.start();
      ids.clear();
      await heard();
      await store.close();
    });

    async function everything(store: TaskStore) {
      const { records } = await store.list(ADA, { limit: 99 });
      const logs = await Promise.all(records.map((record) => log(labOf(store), record)));
      return { records, logs };
    }
  },
);

describeWithServer("connections that break", [], (lab) => {
  const killConnections = () => lab.client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");

  test("a client that sends again what was under way does nothing twice", async () => {
    const store = newStore(lab.newClient());
    const lives = Promise.all(upTo(300).map((n) => live(store, `${n}`)));
    for (const _ of upTo(10)) {
      await killConnections();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    for (const record of await lives) await expectLived(store, record);
  });

  test("one that does not is rejected, and each call was done or not at all", async () => {
    const prefix = newPrefix();
    const client = lab.newClient({ autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 });
    const store = newStore(client, prefix);
    const other = newStore(lab.client, prefix);
    const outcomes = new Set<string>();
    for (const round of upTo(40)) {
      const ids = upTo(10).map((n) => `${round}.${n}`);
      const lives = Promise.allSettled(ids.map((id) => live(store, id)));
      await new Promise((resolve) => setTimeout(resolve, round % 8));
      await killConnections();
      for (const { status } of await lives) outcomes.add(status);
      for (const id of ids) await expectWhole(other, id);
    }
    expect(outcomes).toEqual(new Set(["fulfilled", "rejected"]));
  });

  /** However far a task has come, it is as it was after one of its writes. */
  async function expectWhole(store: TaskStore, id: string): Promise<void> {
    const record = await store.get({ userId: `user of ${id}` }, id);
    if (record === undefined) return;
    const isEnded = record.status === "completed";
    expect(await log(labOf(store), record)).toHaveLength(record.lastSeq);
    expect(record.lastSeq).toBeGreaterThanOrEqual(isEnded ? 4 : 1);
    expect(record.version).toBe(isEnded ? 2 : 1);
    expect(await store.result({ userId: record.userId }, id)).toEqual(isEnded ? whole(42) : undefined);
  }

  test("every call may be sent twice", async () => {
    const client = lab.newClient();
    const store = newStore(
      throughClient(client, async (...args) => {
        await client.evalsha(...args).catch(() => undefined);
        return client.evalsha(...args);
      }),
    );
    await expectLived(store, await live(store, "ended"));
    const queued = await insert(labOf(store), { status: "queued" });
    expect(await store.admit(queued, 1, change({ status: "running" }), NO_LIMITS)).toMatchObject({
      version: 2,
    });
    const pending = await finishPending(labOf(store));
    for (const attempts of [1, 2]) {
      const claim = (await store.claim("me", LONG_MS, { maxTurns: 9 })) as SessionClaim;
      expect(claim.tasks).toMatchObject([{ id: pending.id, followUp: { attempts } }]);
      const outcome = {
        [pending.id]: attempts === 1 ? ({ type: "release", delayMs: 0 } as const) : acknowledge,
      };
      expect(await store.settle(claim, outcome)).toMatchObject([{ id: pending.id }]);
      expect(await store.settle(claim, outcome)).toBeUndefined();
    }
    await finishPending(labOf(store));
    expect(await store.claim("me", LONG_MS, {})).toMatchObject({ turns: 1, tasks: [{}] });
    expect((await read(labOf(store), pending)).lastSeq).toBe(3);
  });

  test("every call of a turn may be sent twice", async () => {
    const client = lab.newClient();
    const store = newStore(
      throughClient(client, async (...args) => {
        await client.evalsha(...args).catch(() => undefined);
        return client.evalsha(...args);
      }),
    );
    const world = labOf(store);
    const session = { userId: "ada", sessionId: "one" };
    const first = await finishNext(world, session);
    const terms = { by: "user", take: true, maxHolds: 3, waitMs: LONG_MS } as const;
    // The server knows the scripts from now on.
    const known = (await newStore(client).hold("me", LONG_MS, session, terms)) as SessionClaim;
    await newStore(client).extend(known, [], 3);
    await newStore(client).settle(known, {});
    const held = (await store.hold("me", LONG_MS, session, terms)) as SessionClaim;
    expect(held).toMatchObject({ turns: 0, tasks: [{ id: first.id, followUp: { attempts: 0, holds: 1 } }] });
    expect(held.number).toBeGreaterThan(1_700_000_000_000);
    const second = await finishNext(world, session);
    expect(await store.extend(held, ["when_idle"], 3)).toMatchObject([{ id: second.id }]);
    expect(await store.extend(held, ["when_idle"], 3)).toEqual([]);
    const part = { [first.id]: acknowledge };
    expect(await store.settle(held, part, true)).toMatchObject([
      { id: first.id, followUp: { status: "delivered" } },
    ]);
    expect(await store.settle(held, part, true)).toEqual([]);
    expect(await store.hold("another", LONG_MS, session, terms)).toEqual({ heldBy: "user" });
    expect(await store.stopTurn(session, "Enough.", null)).toBe(true);
    expect(await store.prolong(held, LONG_MS)).toEqual({ stop: "Enough." });
    expect(await store.settle(held, {})).toMatchObject([{ id: second.id, followUp: { holds: 0 } }]);
    expect(await store.claim("me", LONG_MS, {})).toBeUndefined();
    expect(await store.hold("another", LONG_MS, session, terms)).toMatchObject({
      tasks: [{ id: second.id }],
    });
  });

  test("an append that was done is answered so, although the task was taken over before it is sent again", async () => {
    const prefix = newPrefix();
    const client = lab.newClient();
    const other = newStore(lab.client, prefix);
    const record = await insert(labOf(other));
    // The server knows the script from now on.
    await other.append(record, "process-1", [output("one")]);
    let isBroken = false;
    const store = newStore(
      throughClient(client, async (...args) => {
        if (!isBroken) return client.evalsha(...args);
        await client.evalsha(...args);
        await other.transition(record, 1, change({ owner: "process-2" }));
        return client.evalsha(...args);
      }),
      prefix,
    );
    await store.get(ADA, record.id);
    isBroken = true;
    expect(await store.append(record, "process-1", [output("two")])).toBe(3);
    expect(await store.append(record, "process-1", [output("three")])).toBe(0);
    expect(await read(labOf(other), record)).toMatchObject({ owner: "process-2", lastSeq: 3 });
  });
});

describeWithServer("a server without its scripts", [], (lab) => {
  test("is given them again", async () => {
    const store = newStore(lab.newClient());
    const lives = Promise.all(upTo(200).map((n) => live(store, `${n}`)));
    for (const _ of upTo(20)) await lab.client.script("FLUSH");
    for (const record of await lives) await expectLived(store, record);
  });
});

describeWithServer("a server without memory", ["--maxmemory-policy", "noeviction"], (lab) => {
  const fill = () => lab.client.config("SET", "maxmemory", "1mb");
  const empty = () => lab.client.config("SET", "maxmemory", "0");

  test("what would take memory is rejected, and nothing of it is written", async () => {
    const prefix = newPrefix();
    const store = newStore(lab.client, prefix);
    const record = await insert(labOf(store));
    const pending = await finishPending(labOf(store));
    const keys = await keysOf(lab.client, prefix);
    await fill();
    const calls = [
      store.insert(makeTask(), NO_LIMITS, LONG_MS),
      store.append(record, "process-1", [output("x")]),
      store.transition(record, 1, change({ deadlineAt: 1 }, [output("x")])),
      store.claim("me", LONG_MS, {}),
    ];
    for (const answer of await Promise.allSettled(calls)) {
      expect(answer).toMatchObject({
        status: "rejected",
        reason: { message: expect.stringMatching(/^OOM/) },
      });
    }
    await empty();
    expect(await keysOf(lab.client, prefix)).toEqual(keys);
    expect(await read(labOf(store), record)).toEqual(record);
    expect(await read(labOf(store), pending)).toEqual(pending);
    expect(await store.claim("me", LONG_MS, {})).toMatchObject({ tasks: [{ followUp: { attempts: 1 } }] });
  });

  test("what comes to an end is written, and what is old makes room", async () => {
    const store = newStore(lab.client);
    const running = await insert(labOf(store));
    const pending = await finishPending(labOf(store), { sessionId: "one", completedAt: 1 });
    const claim = (await store.claim("me", LONG_MS, {})) as SessionClaim;
    await fill();
    expect(await store.transition(running, 1, END)).toMatchObject({ status: "completed" });
    expect(await store.settle(claim, { [pending.id]: acknowledge })).toHaveLength(1);
    expect(await store.sweep(KEEP_NONE, 9)).toMatchObject({ evicted: 2 });
    await empty();
  });

  test("who speaks has a turn all the same, and all of it is written", async () => {
    const store = newStore(lab.client);
    const session = { userId: "ada", sessionId: "one" };
    const { id } = await finishPending(labOf(store), session);
    const terms = { by: "user", take: true, maxHolds: 3, waitMs: LONG_MS } as const;
    await fill();
    const held = (await store.hold("me", LONG_MS, session, terms)) as SessionClaim;
    expect(held).toMatchObject({ tasks: [{ id, followUp: { status: "claimed", holds: 1 } }] });
    expect(await store.hold("another", LONG_MS, session, terms)).toEqual({ heldBy: "user" });
    expect(await store.settle(held, { [id]: acknowledge })).toHaveLength(1);
    expect(await store.hold("another", LONG_MS, session, terms)).toMatchObject({ tasks: [] });
    await empty();
  });

  test("a claim that has lapsed does not keep it from being swept", async () => {
    const store = newStore(lab.client);
    await finishPending(labOf(store));
    expect(await store.claim("me", 0, {})).toBeDefined();
    await fill();
    const { expired, evicted } = await store.sweep(KEEP_NONE, 9);
    expect([expired.length, evicted]).toEqual([1, 1]);
    await empty();
  });
});
