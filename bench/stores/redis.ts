import { Redis } from "ioredis";
import { nanoid } from "nanoid";
import { redisStore } from "tool-offload/stores/redis";
import { startRedis } from "../../test/support/redis-server.ts";
import type { Row } from "../side-by-side.ts";
import { bullmq } from "./bullmq.ts";
import { FEW, fillStore, growth, MANY } from "./growth.ts";
import { throughput } from "./throughput.ts";
import { anyUser, IN_FLIGHT, live, manyAtOnce, sampleRecord } from "./work.ts";

const LIFECYCLES = 3_000;
const ROUNDS = 7;

/** A private server: tasks from their insertion to their end, and reading among few and among many. */
export async function redisBench(): Promise<Row[]> {
  const server = await startRedis();
  const client = new Redis(server.port);
  try {
    return [...(await lifecycles(client, server.port)), ...(await reading(client))];
  } finally {
    client.disconnect();
    await server.stop();
  }
}

async function lifecycles(client: Redis, port: number): Promise<Row[]> {
  const store = redisStore({ client, prefix: nanoid() });
  const jobs = bullmq(port, IN_FLIGHT);
  const works = {
    [`${IN_FLIGHT} tasks in flight`]: () => manyAtOnce(LIFECYCLES, () => live(store, nanoid(), anyUser())),
    "BullMQ's add and process": () => manyAtOnce(LIFECYCLES, jobs.run),
    "two scripts of one SET each": () => manyAtOnce(LIFECYCLES, () => twoScripts(client)),
  };
  try {
    const bounds = { "BullMQ's add and process": 0.5 };
    return await throughput("redis", works, { lifecycles: LIFECYCLES, rounds: ROUNDS, bounds });
  } finally {
    await jobs.close();
    await store.close();
  }
}

/** What a task would cost at the least. */
async function twoScripts(client: Redis): Promise<void> {
  const script = "return redis.call('SET', KEYS[1], ARGV[1])";
  const key = `bare:${nanoid()}`;
  for (const _ of [1, 2]) await client.eval(script, 1, key, sampleRecord());
}

async function reading(client: Redis): Promise<Row[]> {
  const [few, many] = [await filled(client, FEW), await filled(client, MANY)];
  return growth("redis", few, many);
}

async function filled(client: Redis, count: number) {
  const store = redisStore({ client, prefix: nanoid() });
  await fillStore(store, count);
  return store;
}
