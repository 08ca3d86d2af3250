import type { Cluster, Redis } from "ioredis";
import { afterEach, describe, expect, expectTypeOf, test, vi } from "vitest";
import { TaskOffloadError } from "../../../src/core/errors.ts";
import { type RedisLike, type RedisStoreOptions, redisStore } from "../../../src/stores/redis.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import { ADA, LONG_MS, NO_LIMITS, ofTasks, upTo } from "../../../src/testing/suite/lab.ts";
import { describeWithServer, newStore } from "./lab.ts";

const NOTHING = [null, [], ""];
const NO_ANSWER = () => Promise.resolve(NOTHING);
const client = { eval: NO_ANSWER, evalsha: NO_ANSWER };

test("clients of ioredis fit", () => {
  expectTypeOf<Redis>().toExtend<RedisLike>();
  expectTypeOf<Redis<"resp3">>().toExtend<RedisLike>();
  expectTypeOf<Cluster>().toExtend<RedisLike>();
  expectTypeOf<Date>().not.toExtend<RedisLike>();
});

describe("options", () => {
  const WRONG: [options: unknown, message: string][] = [
    [undefined, "redisStore: its options must be an object with a client; got undefined."],
    [{ client, prefx: "a" }, "redisStore: prefx is not an option; there are client, prefix, shards."],
    [{}, "redisStore: client must be a Redis client; got undefined."],
    [{ client: "redis://localhost" }, 'redisStore: client must be a Redis client; got "redis://localhost".'],
    [
      { client: { eval: NO_ANSWER, evalSha: NO_ANSWER } },
      "redisStore: client must be a client of ioredis, such as new Redis(); got one of node-redis, the package redis.",
    ],
    [
      { client: { ...client, createScript: NO_ANSWER } },
      "redisStore: client must be a client of ioredis, such as new Redis(); got one of @upstash/redis.",
    ],
    [{ client: { eval: NO_ANSWER } }, "redisStore: client.evalsha must be a function; got undefined."],
    [{ client: { evalsha: NO_ANSWER } }, "redisStore: client.eval must be a function; got undefined."],
    [{ client: { ...client, duplicate: 1 } }, "redisStore: client.duplicate must be a function; got 1."],
    [{ client, prefix: "" }, 'redisStore: prefix must be a text without braces, not empty; got "".'],
    [{ client, prefix: "a{b}" }, 'redisStore: prefix must be a text without braces, not empty; got "a{b}".'],
    [{ client, prefix: 7 }, "redisStore: prefix must be a text without braces, not empty; got 7."],
    [{ client, shards: 0 }, "redisStore: shards must be a whole number from 1 to 1024; got 0."],
    [{ client, shards: 1.5 }, "redisStore: shards must be a whole number from 1 to 1024; got 1.5."],
    [{ client, shards: 2_000 }, "redisStore: shards must be a whole number from 1 to 1024; got 2000."],
  ];

  test.each(WRONG)("%j are refused", (options, message) => {
    const make = () => redisStore(options as RedisStoreOptions);
    expect(make).toThrow(new TaskOffloadError("invalid_option", message));
  });

  test("what is undefined has its default", async () => {
    const keys: unknown[] = [];
    const evalsha = (...args: unknown[]) => Promise.resolve(keys.push(args[2]) && NOTHING);
    const options = { client: { ...client, evalsha }, prefix: undefined, shards: undefined };
    await redisStore(options).get(ADA, "id");
    await redisStore({ ...options, prefix: "mine", shards: 1 }).get(ADA, "id");
    // The first look at the versions, and then the call.
    const looked = Array.from({ length: 16 }, (_, shard) => `{tool-offload:${shard}}`);
    expect(keys).toEqual([...looked, "{tool-offload:14}", "{mine:0}", "{mine:0}"]);
  });

  test("other processes see it", () => {
    expect(redisStore({ client }).isShared).toBe(true);
  });
});

describe("scripts", () => {
  const failing = (message: string) => ({
    ...client,
    evalsha: () => Promise.reject(new Error(message)),
    eval: vi.fn(NO_ANSWER),
  });

  test("a server that does not know one is given it", async () => {
    const forgetful = failing("NOSCRIPT No matching script. Please use EVAL.");
    expect(await redisStore({ client: forgetful, shards: 1 }).get(ADA, "id")).toBeUndefined();
    const text = expect.stringContaining("redis.call");
    expect(forgetful.eval.mock.calls).toMatchObject([
      [text, 1, "{tool-offload:0}", ""],
      [text, 1, "{tool-offload:0}", "1", "ada/id", ""],
    ]);
  });

  test.each(["READONLY You can't write against a read only replica.", "Connection is closed."])(
    "any other failure is the caller's: %s",
    async (message) => {
      const broken = failing(message);
      await expect(redisStore({ client: broken }).get(ADA, "id")).rejects.toThrow(message);
      expect(broken.eval).not.toHaveBeenCalled();
    },
  );

  test("what no script could use is refused before one is run", async () => {
    const evalsha = vi.fn(NO_ANSWER);
    const store = redisStore({ client: { ...client, evalsha } });
    const claim = { token: "token", userId: "ada", sessionId: null, tasks: [], turns: 0 };
    const calls = [
      store.insert(makeTask(), NO_LIMITS, Number.NaN),
      store.settle(claim, { id: { type: "defer", delayMs: Number.NaN } }),
      store.settle(claim, { id: { type: "forget" } as never }),
      store.prolong(claim, undefined as never),
    ];
    for (const answer of await Promise.allSettled(calls)) {
      expect(answer).toMatchObject({ status: "rejected", reason: expect.any(TypeError) });
    }
    expect(evalsha).not.toHaveBeenCalled();
  });
});

describe("watching", () => {
  const subscriber = (subscribe: () => Promise<unknown>) => {
    const listeners: Record<string, (...args: never[]) => void> = {};
    const made = { subscribe: vi.fn(subscribe), disconnect: vi.fn(), listeners };
    const on = (event: string, listener: (...args: never[]) => void) => (listeners[event] = listener);
    return { ...made, on };
  };
  afterEach(() => {
    vi.useRealTimers();
  });

  test("a client that cannot be duplicated gives no hints", () => {
    expect(redisStore({ client })).not.toHaveProperty("watch");
  });

  test("a subscription that fails is tried again, as long as somebody watches", async () => {
    vi.useFakeTimers();
    const connection = subscriber(() => Promise.reject(new Error("Connection is closed.")));
    const store = redisStore({ client: { ...client, duplicate: () => connection } });
    const stop = store.watch?.(ofTasks(() => {}));
    await vi.advanceTimersByTimeAsync(2_500);
    expect(connection.subscribe).toHaveBeenCalledTimes(3);
    stop?.();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(connection.subscribe).toHaveBeenCalledTimes(3);
    expect(connection.disconnect).toHaveBeenCalledTimes(1);
  });

  test("a connection that fails harms nobody", () => {
    const connection = subscriber(NO_ANSWER);
    redisStore({ client: { ...client, duplicate: () => connection } }).watch?.(ofTasks(() => {}));
    expect(connection.listeners.error).toBeDefined();
    expect(() => connection.listeners.error?.()).not.toThrow();
  });
});

describeWithServer("closing", [], (lab) => {
  test("the client stays as it is", async () => {
    const client = lab.newClient();
    const [store, other] = [newStore(client, "one"), newStore(client, "two")];
    store.watch?.(ofTasks(() => {}));
    await store.close();
    expect(await client.ping()).toBe("PONG");
    expect(await other.get(ADA, "id")).toBeUndefined();
    await expect(store.get(ADA, "id")).rejects.toThrow("The store is closed.");
  });

  test("what is under way is done, or rejected before it has begun", async () => {
    const client = lab.newClient();
    const store = newStore(client, "closing");
    const tasks = upTo(50).map(() => makeTask());
    const inserts = tasks.map((task) => store.insert(task, NO_LIMITS, LONG_MS));
    const claims = upTo(20).map(() => store.claim("me", LONG_MS, {}));
    await store.close();
    expect(await Promise.all(inserts)).toMatchObject(tasks.map(() => ({ status: "inserted" })));
    expect(await Promise.all(claims)).toEqual(claims.map(() => undefined));
    const { records } = await newStore(client, "closing").list(ADA, { limit: 99 });
    expect(records).toHaveLength(50);
  });
});
