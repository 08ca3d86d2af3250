import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { TaskOffloadError } from "../../../src/core/errors.ts";
import type { TaskStore } from "../../../src/core/model/store.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import {
  ADA,
  change,
  finishPending,
  insert,
  LONG_MS,
  NO_LIMITS,
  output,
  upTo,
} from "../../../src/testing/suite/lab.ts";
import { loadRedis } from "../fixtures/forms.ts";
import { describeWithServer, keysOf, labOf, newPrefix, newStore, throughClient } from "./lab.ts";

const KEEP_NONE = { finishedPerUser: 0, finishedTtlMs: 0, followUpTtlMs: 0, followUpsPerUser: 0 };
const HOLD = { by: "user", take: true, maxHolds: 3, waitMs: 0 } as const;
const FIXTURE = fileURLToPath(new URL("../fixtures/0.1.0/redis.json", import.meta.url));

describeWithServer("the version of what is written", [], (lab) => {
  const shards = upTo(16).map((n) => n - 1);
  /** Where Ada's keys are, shard 14 of 16. */
  const adas = (prefix: string) => `{${prefix}:14}:version`;
  const versionsOf = (prefix: string) =>
    lab.client.mget(shards.map((shard) => `{${prefix}:${shard}}:version`));
  const setVersion = (prefix: string, version: string) =>
    Promise.all(shards.map((shard) => lab.client.set(`{${prefix}:${shard}}:version`, version)));
  const everyCall = (store: TaskStore) => {
    const { record } = makeTask();
    const claim = { token: "token", userId: "ada", sessionId: "one", tasks: [], turns: 0 };
    return [
      () => store.insert(makeTask(), NO_LIMITS, LONG_MS),
      () => store.get(ADA, record.id),
      () => store.list(ADA, { limit: 9 }),
      () => store.transition(record, 1, change({ deadlineAt: 1 })),
      () => store.admit(record, 1, change({ status: "running" }), NO_LIMITS),
      () => store.append(record, "process-1", [output("x")]),
      () => store.events(ADA, record.id, { after: 0, limit: 9 }),
      () => store.result(ADA, record.id),
      () => store.checkpoint(record, "process-1", "1"),
      () => store.payload(record),
      () => store.renew("process-1", [record], LONG_MS),
      () => store.lapsed(9),
      () => store.claim("me", LONG_MS, {}),
      () => store.claim("me", LONG_MS, { session: { userId: "ada", sessionId: "one" } }),
      () => store.hold("me", LONG_MS, { userId: "ada", sessionId: "one" }, HOLD),
      () => store.extend(claim, ["silent"], 3),
      () => store.prolong(claim, LONG_MS),
      () => store.stopTurn(claim, "Enough.", null),
      () => store.settle(claim, {}),
      () => store.resetTurns(claim),
      () => store.sweep(KEEP_NONE, 9),
    ];
  };

  test("is written by whatever is called first, beside the keys that it is for", async () => {
    for (const index of everyCall(newStore(lab.client)).keys()) {
      const prefix = newPrefix();
      await everyCall(newStore(lab.client, prefix))[index]?.();
      expect(await lab.client.get(adas(prefix))).toBe("1");
    }
    const prefix = newPrefix();
    const store = newStore(lab.client, prefix);
    await store.get(ADA, "id");
    expect(await keysOf(lab.client, prefix)).toEqual([adas(prefix)]);
    await store.claim("me", LONG_MS, {});
    expect(await versionsOf(prefix)).toEqual(shards.map(() => "1"));
  });

  test("is 1 where 0.1.0 has written", async () => {
    const prefix = newPrefix();
    await loadRedis(lab.client, prefix, FIXTURE);
    const { records } = await newStore(lab.client, prefix).list(ADA, { limit: 99 });
    expect(records.length).toBeGreaterThan(9);
    expect(await lab.client.get(adas(prefix))).toBe("1");
  });

  test("is fine if it is the same, and stays", async () => {
    const prefix = newPrefix();
    const record = await insert(labOf(newStore(lab.client, prefix)));
    expect(await newStore(lab.client, prefix).get(ADA, record.id)).toEqual(record);
    expect(await lab.client.get(adas(prefix))).toBe("1");
    expect(await lab.client.ttl(adas(prefix))).toBe(-1);
  });

  test.each(["2", "10", "0", "next"])(
    "%s is refused by every call, and nothing is written",
    async (version) => {
      const prefix = newPrefix();
      await finishPending(labOf(newStore(lab.client, prefix)), { sessionId: "one" });
      await setVersion(prefix, version);
      const dump = async () => {
        const keys = await keysOf(lab.client, prefix);
        return Promise.all(keys.map(async (key) => [key, await lab.client.dumpBuffer(key)]));
      };
      const before = await dump();
      const refusal = new TaskOffloadError(
        "not_supported",
        `The Redis keys of the prefix "${prefix}" have version ${version}, and this release of tool-offload knows version 1: use the one that has written them, or another prefix.`,
      );
      const store = newStore(lab.client, prefix);
      for (const call of everyCall(store)) {
        const error = await call().catch((error: unknown) => error);
        expect(error).toEqual(refusal);
        expect(error).toMatchObject({ code: "not_supported" });
      }
      expect(await dump()).toEqual(before);
      await setVersion(prefix, "1");
      expect(await store.claim("me", LONG_MS, {})).toMatchObject({ sessionId: "one" });
    },
  );

  test("another one in any shard is refused by every call, and nothing is written beside it", async () => {
    const prefix = newPrefix();
    const other = `{${prefix}:3}:version`;
    await lab.client.set(other, "2");
    const store = newStore(lab.client, prefix);
    for (const call of everyCall(store)) {
      await expect(call()).rejects.toMatchObject({ code: "not_supported" });
    }
    await expect(Promise.all(everyCall(store).map((call) => call()))).rejects.toThrow("version 2");
    expect(await keysOf(lab.client, prefix)).toEqual([other]);
    await lab.client.del(other);
    expect(await store.insert(makeTask(), NO_LIMITS, LONG_MS)).toMatchObject({ status: "inserted" });
  });

  test("is not asked of a shard that does not answer: its first call does", async () => {
    const isDown = new Set([3]);
    const client = throughClient(lab.client, (sha, keys, shard = "", ...rest) => {
      const isLost = [...isDown].some((n) => shard.endsWith(`:${n}}`));
      return isLost
        ? Promise.reject(new Error("CLUSTERDOWN"))
        : lab.client.evalsha(sha, keys, shard, ...rest);
    });
    const prefix = newPrefix();
    await lab.client.set(`{${prefix}:3}:version`, "2");
    const store = newStore(client, prefix);
    expect(await store.get(ADA, "id")).toBeUndefined();
    await expect(store.lapsed(9)).rejects.toThrow("CLUSTERDOWN");
    isDown.clear();
    await expect(store.lapsed(9)).rejects.toMatchObject({ code: "not_supported" });
  });

  test("is looked at once by each store, everywhere and then with the first work in each shard", async () => {
    const sent: [user: string, version: string][] = [];
    const client = throughClient(lab.client, (sha, keys, shard, version = "", name = "", ...rest) => {
      sent.push([name, version]);
      return lab.client.evalsha(sha, keys, shard as string, version, name, ...rest);
    });
    const store = newStore(client);
    // The server knows the scripts from now on.
    await newStore(lab.client).get(ADA, "a");
    for (const id of ["a", "b", "c"]) await store.get(ADA, id);
    await store.get({ userId: "grace" }, "d");
    await store.get({ userId: "grace" }, "e");
    expect(sent.splice(0, shards.length)).toEqual(shards.map(() => ["", ""]));
    expect(sent).toEqual([
      ["ada/a", "1"],
      ["ada/b", ""],
      ["ada/c", ""],
      ["grace/d", "1"],
      ["grace/e", ""],
    ]);
  });

  test("ten stores that begin at once agree", async () => {
    const prefix = newPrefix();
    const stores = upTo(10).map(() => newStore(lab.newClient(), prefix));
    const calls = stores.flatMap((store) => [
      insert(labOf(store)),
      store.claim("me", LONG_MS, {}),
      store.sweep(KEEP_NONE, 9),
    ]);
    await Promise.all(calls);
    expect(await versionsOf(prefix)).toEqual(shards.map(() => "1"));
    expect((await stores[0]?.list(ADA, { limit: 99 }))?.records).toHaveLength(10);
  });
});

describeWithServer("a version for which there is no memory", ["--maxmemory-policy", "noeviction"], (lab) => {
  test("is left to the next store, and what makes room runs", async () => {
    const prefix = newPrefix();
    await loadRedis(lab.client, prefix, FIXTURE);
    await lab.client.config("SET", "maxmemory", "1mb");
    const store = newStore(lab.client, prefix);
    expect((await store.list(ADA, { limit: 99 })).records.length).toBeGreaterThan(9);
    expect((await store.sweep(KEEP_NONE, 99)).evicted).toBeGreaterThan(9);
    expect(await lab.client.get(`{${prefix}:14}:version`)).toBeNull();
    await lab.client.config("SET", "maxmemory", "0");
    await newStore(lab.client, prefix).get(ADA, "id");
    expect(await lab.client.get(`{${prefix}:14}:version`)).toBe("1");
  });
});
