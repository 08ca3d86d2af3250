import { expect, test } from "vitest";
import type { Hold, SessionClaim, SessionHint } from "../../../src/core/model/session-claim.ts";
import type { Damage, StoreHint, TaskStore } from "../../../src/core/model/store.ts";
import { nameOfSession, shardOf } from "../../../src/stores/redis/names.ts";
import { ADA, finishNext, finishPending, LONG_MS, upTo } from "../../../src/testing/suite/lab.ts";
import { until } from "../../support/until.ts";
import { describeWithServer, keysOf, labOf, newPrefix, newStore, throughClient } from "./lab.ts";

const ONE = { userId: "ada", sessionId: "one" };
const USER: Hold = { by: "user", take: true, maxHolds: 3, waitMs: 0 };
const WAITING: Hold = { ...USER, waitMs: LONG_MS };

async function held(store: TaskStore, terms: Partial<Hold> = {}, session = ONE): Promise<SessionClaim> {
  const answer = await store.hold("me", LONG_MS, session, { ...USER, ...terms });
  if ("heldBy" in answer) throw new Error(`The session is held by ${answer.heldBy}.`);
  return answer;
}

describeWithServer("sessions that are held", [], (lab) => {
  /** A key of Ada's shard, or of her first session. */
  const keyOf = (prefix: string, kind: string, session?: typeof ONE) => {
    const shard = `{${prefix}:${shardOf("ada", 16)}}:${kind}`;
    return session === undefined ? shard : `${shard}:${nameOfSession(session)}`;
  };

  test("turns of ten connections never overlap, each has a greater number, and none is shut out", async () => {
    const prefix = newPrefix();
    const [claiming, ...holding] = upTo(10).map(() => newStore(lab.newClient(), prefix)) as [
      TaskStore,
      ...TaskStore[],
    ];
    const numbers: number[] = [];
    let inTurn = 0;
    const turn = async (store: TaskStore, claim: SessionClaim) => {
      inTurn += 1;
      expect(inTurn).toBe(1);
      numbers.push(claim.number);
      await store.prolong(claim, LONG_MS);
      inTurn -= 1;
      return store.settle(claim, {});
    };
    const turns = async (store: TaskStore, claimant: string) => {
      for (let had = 0; had < 5; ) {
        const answer = await store.hold(claimant, LONG_MS, ONE, WAITING);
        if ("heldBy" in answer) continue;
        had += 1;
        await turn(store, answer);
      }
    };
    await finishPending(labOf(claiming), ONE);
    let isOver = false;
    const library = (async () => {
      while (!isOver) {
        const claim = await claiming.claim("library", LONG_MS, {});
        if (claim) await turn(claiming, claim);
      }
    })();
    await Promise.all(holding.map((store, index) => turns(store, `claimant-${index}`)));
    isOver = true;
    await library;
    expect(numbers.length).toBeGreaterThanOrEqual(45);
    expect(numbers).toEqual([...new Set(numbers)].sort((one, other) => one - other));
    expect(await claiming.claim("library", LONG_MS, {})).toMatchObject(ONE);
  });

  test("other stores are told of a session that is free, and of a turn that is to stop, whatever its name", async () => {
    const prefix = newPrefix();
    const [store, other] = [newStore(lab.newClient(), prefix), newStore(lab.newClient(), prefix)];
    const session = { userId: 'a/da "\ud800', sessionId: "one\n😀%" };
    const heard: SessionHint[] = [];
    const ofTasks: StoreHint[] = [];
    store.watch?.((hint) => void ("turn" in hint ? heard : ofTasks).push(hint as SessionHint));
    await until(async () => {
      await finishPending(labOf(other));
      expect(ofTasks).not.toEqual([]);
    });
    const claim = await held(other, {}, session);
    await other.stopTurn(session, "a\0b\ud800", "user");
    await other.hold("waiting", LONG_MS, session, WAITING);
    await other.settle(claim, {}, true);
    expect(await other.prolong(claim, LONG_MS)).toEqual({ stop: "a\0b\ud800" });
    await other.settle(claim, {});
    await until(() => expect(heard.at(-1)).toEqual({ ...session, turn: "free" }));
    expect(heard[0]).toEqual({ ...session, turn: "stop" });
    expect(heard).toHaveLength(2);
    await store.close();
  });

  test.each(["9000000000000", "x", "inf", "nan", "-1", "1e300", undefined])(
    "after the number %s, which others have left, a number goes on, or is the time",
    async (left) => {
      const prefix = newPrefix();
      const store = newStore(lab.client, prefix);
      const before = Date.now();
      if (left === undefined) await lab.client.rpush(keyOf(prefix, "number"), "x");
      else await lab.client.set(keyOf(prefix, "number"), left);
      const first = await held(store);
      if (left === "9000000000000") expect(first.number).toBe(9_000_000_000_001);
      else expect(first.number - before).toBeLessThan(60_000);
      expect(first.number).toBeGreaterThanOrEqual(before - 1_000);
      await store.settle(first, {});
      expect((await held(store)).number).toBeGreaterThan(first.number);
    },
  );

  test("each step is one script", async () => {
    const scripts: string[] = [];
    const client = throughClient(lab.client, (sha, ...rest) => {
      scripts.push(sha);
      return lab.client.evalsha(sha, ...rest);
    });
    const prefix = newPrefix();
    const claim = await held(newStore(lab.client, prefix));
    const store = newStore(client, prefix);
    await store.get(ADA, "id");
    scripts.length = 0;
    await store.hold("waiting", LONG_MS, ONE, WAITING);
    await store.extend(claim, ["silent"], 3);
    await store.stopTurn(ONE, "Enough.", null);
    await store.prolong(claim, LONG_MS);
    await store.settle(claim, {}, true);
    await store.settle(claim, {});
    await store.hold("waiting", LONG_MS, ONE, USER);
    expect(scripts.length).toBe(new Set(scripts).size + 2);
    expect(scripts).toHaveLength(7);
  });

  test("who waits costs nobody's claim a single command, however many they are", async () => {
    const commands = async () => {
      const stats = await lab.client.info("commandstats");
      const counts = [...stats.matchAll(/cmdstat_(?!info|config)[^:]+:calls=(\d+)/g)];
      return counts.reduce((sum, [, count]) => sum + Number(count), 0);
    };
    /** What a claim takes that finds one session due, behind so many that somebody waits for. */
    const costBehind = async (count: number) => {
      const store = newStore(lab.client);
      await held(store);
      for (const sessionId of upTo(count).map((n) => `s${n}`)) {
        const session = { userId: "ada", sessionId };
        await finishPending(labOf(store), session);
        const claim = await held(store, { take: false }, session);
        await store.hold("waiting", LONG_MS, session, WAITING);
        await store.settle(claim, {});
      }
      const due = await finishNext(labOf(store), { sessionId: "due" });
      await store.claim("me", LONG_MS, { modes: ["silent"] });
      const before = await commands();
      expect(await store.claim("me", LONG_MS, {})).toMatchObject({ tasks: [{ id: due.id }] });
      return (await commands()) - before;
    };
    await costBehind(0);
    expect(await costBehind(150)).toBe(await costBehind(0));
  });

  test("who waits is forgotten with the moment they give up, also by processes that know of no waits", async () => {
    const prefix = newPrefix();
    const store = newStore(lab.client, prefix);
    const claim = await held(store);
    await store.hold("long", LONG_MS, ONE, { ...USER, waitMs: 60_000 });
    await store.hold("short", LONG_MS, ONE, { ...USER, waitMs: 1 });
    const ttlMs = await lab.client.pttl(keyOf(prefix, "waits", ONE));
    expect(ttlMs).toBeGreaterThan(30_000);
    expect(ttlMs).toBeLessThanOrEqual(60_000);
    await store.hold("for good", LONG_MS, ONE, { ...USER, waitMs: Number.POSITIVE_INFINITY });
    await store.settle(claim, {});
    // Those see a claim, whose lease they wait for.
    expect(await lab.client.hget(keyOf(prefix, "claim", ONE), "token")).toBe("");
    expect(await lab.client.zscore(keyOf(prefix, "claims"), nameOfSession(ONE))).not.toBeNull();
    for (const claimant of ["long", "for good"]) {
      const answer = await store.hold(claimant, LONG_MS, ONE, USER);
      if ("token" in answer) await store.settle(answer, {});
    }
    expect((await keysOf(lab.client, prefix)).filter((key) => /:(claims?|waits)\b/.test(key))).toEqual([]);
  });

  test("a claim as 0.1.0 has written it is the library's, and goes on", async () => {
    const prefix = newPrefix();
    const store = newStore(lab.client, prefix);
    const { id } = await finishPending(labOf(store), ONE);
    const claim = (await store.claim("me", LONG_MS, { maxTurns: 9 })) as SessionClaim;
    await lab.client.hdel(keyOf(prefix, "claim", ONE), "by", "number", "leaseMs");
    expect(await store.hold("me", LONG_MS, ONE, USER)).toEqual({ heldBy: "library" });
    expect(await store.stopTurn(ONE, "Enough.", "library")).toBe(true);
    expect(await store.prolong(claim, LONG_MS)).toEqual({ stop: "Enough." });
    expect(await store.settle(claim, {})).toMatchObject([{ id, followUp: { attempts: 0 } }]);
  });

  test("what is given back and taken in again stands once in the list of its claim, behind the others", async () => {
    const prefix = newPrefix();
    const store = newStore(lab.client, prefix);
    const [one, two] = [await finishNext(labOf(store), ONE), await finishNext(labOf(store), ONE)];
    const claim = await held(store);
    await store.settle(claim, { [one.id]: { type: "defer", delayMs: 0 } }, true);
    expect(await lab.client.lrange(keyOf(prefix, "taken", ONE), 0, -1)).toEqual([two.id]);
    await store.extend(claim, ["when_idle"], 3);
    expect(await store.settle(claim, {})).toMatchObject([{ id: two.id }, { id: one.id }]);
  });

  test("a hold whose end was evicted ends, although it has no follow-ups", async () => {
    const prefix = newPrefix();
    const store = newStore(lab.client, prefix);
    const { id } = await finishPending(labOf(store), ONE);
    await store.hold("dead", 20, ONE, { ...USER, take: false });
    await lab.client.zrem(keyOf(prefix, "claims"), nameOfSession(ONE));
    // A look through the keys comes once a second.
    const other = newStore(lab.client, prefix);
    expect(await other.claim("me", LONG_MS, {})).toBeUndefined();
    await until(async () => expect(await other.claim("me", LONG_MS, {})).toMatchObject({ tasks: [{ id }] }));
  });
});

describeWithServer("what cannot be read of a turn", [], (lab) => {
  type Key = (kind: string) => string;
  const asText = async (key: string) => {
    await lab.client.del(key);
    await lab.client.set(key, "x");
  };
  const BREAKS: Record<string, (key: Key) => Promise<unknown>> = {
    "a claim": (key) => asText(key("claim")),
    "a claim's list": (key) => asText(key("claimed")),
    "a claim's token": (key) => lab.client.hset(key("claim"), "token", "x"),
    "whose turn it is": (key) => lab.client.hset(key("claim"), "by", "nobody"),
    "the reason to stop": (key) => lab.client.hset(key("claim"), "stop", "{"),
    "a reason that is none": (key) => lab.client.hset(key("claim"), "stop", "7"),
    "who waits": (key) => asText(key("waits")),
    "what was settled": (key) => asText(key("settled")),
  };

  const OTHER_KINDS = ["a claim", "a claim's list", "who waits", "what was settled"];

  test.each(Object.entries(BREAKS))("%s: stops nobody", async (what, run) => {
    const prefix = newPrefix();
    const shard = `{${prefix}:${shardOf("ada", 16)}}`;
    const names: Record<string, string> = { claimed: "taken" };
    const store = newStore(lab.client, prefix);
    const damages: Damage[] = [];
    store.onDamage?.((damage) => damages.push(damage));
    const mine = await finishPending(labOf(store), ONE);
    const leaseMs = 500;
    const claim = (await store.hold("me", leaseMs, ONE, USER)) as SessionClaim;
    const terms = { ...USER, take: false, waitMs: leaseMs };
    await store.hold("waiting", LONG_MS, ONE, terms);
    await run((kind) => `${shard}:${names[kind] ?? kind}:${nameOfSession(ONE)}`);
    // Whoever has it is asked to stop by nobody; or has it no more.
    expect([undefined, null]).toContain((await store.prolong(claim, leaseMs))?.stop);
    await store.extend(claim, ["when_idle"], 3);
    await store.settle(claim, {}, true);
    await store.hold("waiting", leaseMs, ONE, terms);
    const other = await finishPending(labOf(store), { sessionId: "two" });
    const told: string[] = [];
    await until(async () => {
      const next = await store.claim("me", LONG_MS, {});
      told.push(...(next?.tasks.map(({ id }) => id) ?? []));
      expect(told).toContain(other.id);
      expect(told).toContain(mine.id);
    });
    const isSetAside = OTHER_KINDS.includes(what);
    expect(damages).toMatchObject(
      isSetAside ? [{ taskId: null, place: expect.stringContaining(":aside:") }] : [],
    );
  });

  test("who waits, when a turn ends: its follow-ups are settled", async () => {
    const prefix = newPrefix();
    const store = newStore(lab.client, prefix);
    const { id } = await finishPending(labOf(store), ONE);
    const claim = await held(store);
    await asText(`{${prefix}:${shardOf("ada", 16)}}:waits:${nameOfSession(ONE)}`);
    expect(await store.settle(claim, {})).toMatchObject([{ id, followUp: { status: "pending" } }]);
    expect(await store.claim("me", LONG_MS, {})).toMatchObject({ tasks: [{ id }] });
  });

  test("a number of holds: the task is set aside, and the others come along", async () => {
    const prefix = newPrefix();
    const store = newStore(lab.client, prefix);
    const [broken, infinite, other] = [
      await finishPending(labOf(store), ONE),
      await finishPending(labOf(store), ONE),
      await finishPending(labOf(store), ONE),
    ];
    const told: unknown[] = [];
    store.onDamage?.(({ taskId }) => told.push(taskId));
    const shard = `{${prefix}:${shardOf("ada", 16)}}`;
    await lab.client.hset(`${shard}:task:ada/${broken.id}`, "followUpHolds", "x");
    await lab.client.hset(`${shard}:task:ada/${infinite.id}`, "followUpHolds", "inf");
    const claim = await held(store);
    expect(claim.tasks.map(({ id }) => id)).toEqual([other.id]);
    expect(told).toEqual([broken.id]);
    await store.settle(claim, {});
    expect(await store.claim("me", LONG_MS, {})).toMatchObject({ tasks: [{ id: other.id }] });
    expect(told.sort()).toEqual([broken.id, infinite.id].sort());
  });
});
