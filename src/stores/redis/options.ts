import { func, type Kind, kind, object, whole } from "../../core/values/kinds.ts";
import { needed, option, readOptions, type Settings, type Table } from "../../core/values/options.ts";
import { invalidOption } from "../../core/values/validate.ts";
import { type Lookalikes, refuseLookalike } from "../shared/foreign-client.ts";
import type { RedisLike } from "./client.ts";

export interface RedisStoreOptions {
  /** A connected client, such as `new Redis()` or `new Cluster([…])` of ioredis. It stays yours to close. */
  client: RedisLike;
  /** What all keys begin with. Stores with different ones share nothing. @default "tool-offload" */
  prefix?: string | undefined;
  /**
   * Among how many hash tags users are spread, so that a cluster can spread them among its nodes. The same in
   * all processes and for good: with another number, tasks are not found. @default 16
   */
  shards?: number | undefined;
}

const REDIS = {
  client: needed(client),
  // A brace would make another hash tag of it.
  prefix: option(kind("a text without braces, not empty", isPrefix), "tool-offload"),
  shards: option(whole(1, 1_024), 16),
} satisfies Table<RedisStoreOptions>;

export type RedisStoreTerms = Settings<typeof REDIS>;

/** The options with every default filled in. @throws `invalid_option` */
export function redisStoreTerms(options: RedisStoreOptions): RedisStoreTerms {
  if (typeof options !== "object" || options === null) {
    throw invalidOption(`${WHERE}its options`, "an object with a client", options);
  }
  return readOptions(REDIS, options, undefined, WHERE);
}

const WHERE = "redisStore: ";

function isPrefix(value: unknown): boolean {
  return typeof value === "string" && /^[^{}]+$/.test(value);
}

const LOOKALIKES: Lookalikes = {
  evalSha: "one of node-redis, the package redis",
  createScript: "one of @upstash/redis",
};

function client(...[value, name, code]: Parameters<Kind<RedisLike>>): RedisLike {
  refuseLookalike(value, name, code, "a client of ioredis, such as new Redis()", LOOKALIKES);
  const given = object<RedisLike>("a Redis client")(value, name, code);
  func()(given.eval, `${name}.eval`, code);
  func()(given.evalsha, `${name}.evalsha`, code);
  if (given.duplicate !== undefined) func()(given.duplicate, `${name}.duplicate`, code);
  return given;
}
