import { Redis } from "ioredis";
import { nanoid } from "nanoid";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { TaskStore } from "../../../src/core/model/store.ts";
import { type RedisLike, redisStore } from "../../../src/stores/redis.ts";
import type { Lab } from "../../../src/testing/suite/lab.ts";
import { noRedis, type RedisServer, startRedis } from "../../support/redis-server.ts";

/** Options of ioredis that make a difference here. */
interface ClientOptions {
  keyPrefix?: string;
  autoResendUnfulfilledCommands?: boolean;
  maxRetriesPerRequest?: number;
  username?: string;
  password?: string;
}

/** A server for the tests of one block, and clients that go with it. */
export interface RedisLab {
  readonly server: RedisServer;
  newClient(options?: ClientOptions): Redis;
  /** A client that all tests share. */
  readonly client: Redis;
}

/** What the keys of one test begin with: an empty store, on a server that others use too. */
export function newPrefix(): string {
  return `test-${nanoid()}`;
}

/** Tests that need a redis-server: skipped where there is none, which is a failure in CI. */
export function describeRedis(name: string, run: () => void): void {
  if (noRedis === undefined) {
    describe(name, run);
  } else if (process.env.CI === "true") {
    test(name, () => Promise.reject(new Error(`This cannot be tested: ${noRedis}.`)));
  } else {
    console.warn(`${name} is skipped: ${noRedis}.`);
    describe.skip(name, run);
  }
}

export function describeWithServer(name: string, options: string[], run: (lab: RedisLab) => void): void {
  describeRedis(name, () => {
    const clients: Redis[] = [];
    let server: RedisServer;
    let client: Redis;
    const newClient = (more: ClientOptions = {}) => {
      const made = new Redis({ port: server.port, ...more });
      made.on("error", () => {});
      clients.push(made);
      return made;
    };
    beforeAll(async () => {
      server = await startRedis(...options);
      client = newClient();
    });
    afterAll(async () => {
      for (const made of clients) made.disconnect();
      await server.stop();
    });
    run({
      get server() {
        return server;
      },
      get client() {
        return client;
      },
      newClient,
    });
  });
}

/** A store as the helpers of the suite take it. */
export function labOf(store: TaskStore): Lab {
  // A timer may fire a little early by the server's clock.
  const advance = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms + 20));
  return { store, now: Date.now, advance };
}

export function newStore(client: RedisLike, prefix = newPrefix()): TaskStore {
  return redisStore({ client, prefix });
}

/** Every key that begins like this. */
export async function keysOf(client: Redis, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const some of client.scanStream({ match: `{${prefix}:*`, count: 1_000 })) keys.push(...some);
  return keys.sort();
}

/** A client that passes calls on, and can be made to do more with them. */
export function throughClient(client: RedisLike, evalsha: RedisLike["evalsha"]): RedisLike {
  return { eval: (...args) => client.eval(...args), evalsha };
}
