import { expect, test } from "vitest";
import type { TaskHint, TaskStore } from "../../../src/core/model/store.ts";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "../../../src/index.ts";
import { APPEND } from "../../../src/stores/redis/lua/append.ts";
import { INSERT } from "../../../src/stores/redis/lua/insert.ts";
import { LOOK } from "../../../src/stores/redis/lua/look.ts";
import type { Script } from "../../../src/stores/redis/lua/script.ts";
import { SWEEP } from "../../../src/stores/redis/lua/sweep.ts";
import { TRANSITION } from "../../../src/stores/redis/lua/transition.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import {
  ADA,
  change,
  completed,
  finish,
  finishPending,
  idsOf,
  insert,
  LONG_MS,
  NO_LIMITS,
  ofTasks,
  output,
  upTo,
} from "../../../src/testing/suite/lab.ts";
import { until } from "../../support/until.ts";
import { describeWithServer, labOf, newPrefix, newStore, throughClient } from "./lab.ts";

const KEEP = { finishedPerUser: 3, finishedTtlMs: LONG_MS, followUpTtlMs: LONG_MS, followUpsPerUser: 9 };

const FIRST = { firstSeq: 1, lastSeq: 1, status: "running", followUp: "none" };

describeWithServer("many processes on one server", [], (lab) => {
  /** Stores with connections of their own, as processes have them. */
  const ten = () => {
    const prefix = newPrefix();
    const all = upTo(10).map(() => newStore(lab.newClient(), prefix));
    return { all, one: all[0] as TaskStore, other: all[1] as TaskStore };
  };
  /** What a store is told from now on, when it hears what another writes: subscribing takes a moment. */
  const heardBy = async (store: TaskStore, writer: TaskStore) => {
    const hints: TaskHint[] = [];
    store.watch?.(ofTasks((hint) => void hints.push(hint)));
    const record = await insert(labOf(writer), { userId: "somebody" });
    const last = await until(async () => {
      const seq = await writer.append(record, "process-1", [output("x")]);
      expect(hints).not.toEqual([]);
      return seq;
    });
    await until(() => expect(hints.at(-1)).toMatchObject({ lastSeq: last }));
    hints.length = 0;
    return hints;
  };
  /** A client, and the scripts that it was asked to run, but for the first look at the versions. */
  const counted = () => {
    const client = lab.newClient();
    const scripts: string[] = [];
    const run = (sha: string, ...rest: [number, ...string[]]) => {
      if (sha !== LOOK.sha) scripts.push(sha);
      return client.evalsha(sha, ...rest);
    };
    return { client: throughClient(client, run), scripts };
  };
  const connections = async () =>
    String(await lab.client.client("LIST"))
      .trim()
      .split("\n").length;

  test("of ten that write the same version one wins, again and again", async () => {
    const { all, one } = ten();
    const { record } = makeTask();
    await one.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
    for (const version of upTo(30)) {
      const write = change({ deadlineAt: version }, [output("x")]);
      const answers = await Promise.all(all.map((store) => store.transition(record, version, write)));
      expect(answers.filter((answer) => answer !== undefined)).toMatchObject([{ version: version + 1 }]);
    }
    expect(await one.get(ADA, record.id)).toMatchObject({ version: 31, lastSeq: 30 });
  });

  test("limits hold, however many insert at once", async () => {
    const { all, one } = ten();
    const limits = { ...NO_LIMITS, runningPerUser: 25, runningPerSession: 10 };
    const tryMany = all.flatMap((store, index) =>
      upTo(20).map(() => store.insert(makeTask({ sessionId: `s${index % 3}` }), limits, LONG_MS)),
    );
    const answers = await Promise.all(tryMany);
    expect(answers.filter((answer) => answer.status === "inserted")).toHaveLength(25);
    const { records } = await one.list(ADA, { limit: 100, status: ["running"] });
    expect(records).toHaveLength(25);
    for (const session of ["s0", "s1", "s2"]) {
      const inSession = records.filter(({ sessionId }) => sessionId === session);
      expect(inSession.length).toBeLessThanOrEqual(10);
    }
  });

  test("each session goes to one claimer, and none is left over", async () => {
    const { all, one } = ten();
    const sessions = upTo(60).map((n) => ({ userId: `user-${n % 20}`, sessionId: `session-${n}` }));
    await Promise.all(sessions.flatMap((session) => upTo(2).map(() => finishPending(labOf(one), session))));
    const claimed: string[] = [];
    const claimAll = async (store: TaskStore) => {
      for (;;) {
        const claim = await store.claim("me", LONG_MS, {});
        if (claim === undefined) return;
        expect(claim.tasks).toHaveLength(2);
        claimed.push(claim.sessionId ?? "");
      }
    };
    await Promise.all(all.map(claimAll));
    expect(claimed.sort()).toEqual(sessions.map(({ sessionId }) => sessionId).sort());
  });

  test("stores with different prefixes share nothing, not even hints", async () => {
    const { one, other } = ten();
    const foreign = newStore(lab.newClient());
    const record = await insert(labOf(one), { id: "same" });
    await finishPending(labOf(one));
    expect(await idsOf(labOf(foreign), "ada")).toEqual([]);
    expect(await foreign.claim("me", LONG_MS, {})).toBeUndefined();
    expect(await foreign.append(record, "process-1", [output("x")])).toBe(0);
    const hints = await heardBy(one, other);
    await insert(labOf(foreign), { id: "foreign" });
    await insert(labOf(other), { id: "last" });
    await until(() => expect(hints.at(-1)).toMatchObject({ id: "last" }));
    expect(hints.filter(({ id }) => id === "foreign")).toEqual([]);
    expect(await foreign.get(ADA, "last")).toBeUndefined();
  });

  test("hints tell of the writes of others, once each, and of none of one's own twice", async () => {
    const { one, other } = ten();
    const hints = await heardBy(one, other);
    const fields = { userId: "üser 😀", sessionId: 'hostile "session"\n{}' };
    const { id } = await insert(labOf(other), fields);
    await until(() => expect(hints.at(-1)).toEqual({ ...fields, ...FIRST, id }));
    await insert(labOf(one), { id: "own" });
    await insert(labOf(other), { id: "last" });
    await until(() => expect(hints.at(-1)).toMatchObject({ id: "last" }));
    expect(hints.map((hint) => hint.id).sort()).toEqual([id, "own", "last"].sort());
  });

  test("a connection for hints is there only while somebody watches", async () => {
    const store = newStore(lab.newClient());
    await insert(labOf(store));
    const before = await connections();
    const stops = [store.watch?.(ofTasks(() => {})), store.watch?.(ofTasks(() => {}))];
    await until(async () => expect(await connections()).toBe(before + 1));
    stops[0]?.();
    await insert(labOf(store));
    expect(await connections()).toBe(before + 1);
    stops[1]?.();
    await until(async () => expect(await connections()).toBe(before));
    store.watch?.(ofTasks(() => {}));
    await until(async () => expect(await connections()).toBe(before + 1));
    await store.close();
    store.watch?.(ofTasks(() => {}));
    await until(async () => expect(await connections()).toBe(before));
  });

  test("what others have ended is swept in turn", async () => {
    const { one, other } = ten();
    await one.sweep(KEEP, 100);
    for (const _ of upTo(5)) await finish(labOf(other));
    let evicted = 0;
    for (const _ of upTo(16)) evicted += (await one.sweep(KEEP, 100)).evicted;
    expect(evicted).toBe(2);
  });

  test("an idle sweep looks into one shard, and one after an end into two at most", async () => {
    const { client, scripts } = counted();
    const count = (script: Script) => scripts.splice(0).filter((sha) => sha === script.sha).length;
    const store = newStore(client);
    await store.sweep(KEEP, 100);
    expect(count(SWEEP)).toBe(16);
    await store.sweep(KEEP, 100);
    expect(count(SWEEP)).toBe(1);
    await finish(labOf(store));
    await store.sweep(KEEP, 100);
    expect(count(SWEEP)).toBeLessThanOrEqual(2);
  });

  test("a manager offloads, and another on the same server sees it through", async () => {
    const prefix = newPrefix();
    const { client, scripts } = counted();
    const one = new BackgroundTaskManager({ store: newStore(client, prefix), storeTimeoutMs: 15_000 });
    const other = new BackgroundTaskManager({
      store: newStore(lab.newClient(), prefix),
      storeTimeoutMs: 15_000,
    });
    const offload = new ToolOffloadMiddleware({ tasks: one, timeoutMs: 0 });
    let end = (_: unknown) => {};
    const call = { toolName: "search", input: { query: "otters" }, scope: ADA };
    const outcome = await offload.run(call, () => new Promise((resolve) => (end = resolve)));
    if (outcome.status !== "offloaded") throw new Error("It was not offloaded.");
    const { id } = outcome.task;
    expect(await other.get(ADA, id)).toMatchObject({ status: "running", toolName: "search" });
    const waiting = other.wait(ADA, [id], { timeoutMs: 15_000 });
    end({ found: ["otter", "😀"] });
    expect(await waiting).toMatchObject([{ id, status: "completed", followUp: { status: "pending" } }]);
    expect(await other.result(ADA, id)).toMatchObject({ value: { found: ["otter", "😀"] } });
    const { events } = (await other.events(ADA, id)) ?? {};
    expect(events?.map(({ type }) => type)).toEqual(["task.started", "task.completed"]);
    // An insertion and a transition: of other scripts there are none on the way.
    expect(scripts.slice(0, 2)).toEqual([INSERT.sha, TRANSITION.sha]);
    await Promise.all([one.close(), other.close()]);
  });

  test("a task takes two commands from beginning to end, and one for each append", async () => {
    const { client, scripts } = counted();
    const store = newStore(client);
    const { record } = makeTask();
    await store.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
    await store.append(record, "process-1", [output("x")]);
    await store.transition(record, 1, change({ status: "completed", completedAt: 1 }, [completed]));
    expect(scripts).toEqual([INSERT.sha, APPEND.sha, TRANSITION.sha]);
  });
});
