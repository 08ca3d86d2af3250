import { Cluster, Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisStore } from "../../src/stores/redis.ts";
import { makeTask } from "../../src/testing/make-task.ts";
import { LONG_MS, NO_LIMITS, output } from "../../src/testing/suite/lab.ts";
import { type RedisServer, startRedis, startRedisCluster } from "../support/redis-server.ts";
import { until } from "../support/until.ts";
import { describeRedis, newPrefix } from "./redis/lab.ts";
import { storeSuite } from "./suite.ts";

/** A server to be used instead of our own. Its database is written to. */
const url = process.env.TOOL_OFFLOAD_REDIS_URL;

const describePlain = url === undefined ? describeRedis : describe;

describePlain("one server", () => {
  let server: RedisServer | undefined;
  let client: Redis;
  beforeAll(async () => {
    if (url === undefined) server = await startRedis();
    client = server ? new Redis(server.port) : new Redis(url ?? "");
  });
  afterAll(async () => {
    client.disconnect();
    await server?.stop();
  });

  const cut = () => client.call("CLIENT", "KILL", "TYPE", "pubsub");
  storeSuite("redisStore", () => redisStore({ client, prefix: newPrefix() }), { cut });
});

describeRedis("a cluster of three", () => {
  let nodes: RedisServer[] = [];
  let client: Cluster;
  beforeAll(async () => {
    nodes = await startRedisCluster();
    client = new Cluster(nodes.map(({ port }) => port));
  });
  afterAll(async () => {
    client.disconnect();
    await Promise.all(nodes.map((node) => node.stop()));
  });

  storeSuite("redisStore", () => redisStore({ client, prefix: newPrefix() }));

  test("every shard has its version where its keys are", async () => {
    const prefix = newPrefix();
    const stores = Array.from({ length: 10 }, () => redisStore({ client, prefix }));
    await Promise.all(stores.map((store) => store.lapsed(9)));
    const nodeKeys = await Promise.all(client.nodes("master").map((node) => node.keys(`{${prefix}:*`)));
    for (const keys of nodeKeys) expect(keys).not.toEqual([]);
    expect(nodeKeys.flat().sort()).toEqual(
      Array.from({ length: 16 }, (_, shard) => `{${prefix}:${shard}}:version`).sort(),
    );
  });

  test("hints come from every node", async () => {
    const prefix = newPrefix();
    const [store, other] = [redisStore({ client, prefix }), redisStore({ client, prefix })];
    const users = new Set<string>();
    const stop = store.watch?.(({ userId }) => void users.add(userId));
    const tasks = Array.from({ length: 20 }, (_, n) => makeTask({ userId: `user-${n}` }));
    for (const task of tasks) await other.insert(task, NO_LIMITS, LONG_MS);
    await until(async () => {
      for (const { record } of tasks) await other.append(record, "process-1", [output("x")]);
      expect(users.size).toBe(20);
    });
    stop?.();
  });

  test("a subscription that was cut comes back by itself", async () => {
    const prefix = newPrefix();
    const [store, other] = [redisStore({ client, prefix }), redisStore({ client, prefix })];
    const { record } = makeTask();
    await other.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
    let heard = 0;
    const stop = store.watch?.(() => {
      heard += 1;
    });
    const isHeard = () => {
      const before = heard;
      return until(async () => {
        await other.append(record, "process-1", [output("x")]);
        expect(heard).toBeGreaterThan(before);
      });
    };
    await isHeard();
    const killed = await Promise.all(
      client.nodes("all").map((node) => node.call("CLIENT", "KILL", "TYPE", "pubsub")),
    );
    expect(killed.map(Number).reduce((sum, one) => sum + one)).toBeGreaterThan(0);
    await isHeard();
    stop?.();
  });
});
