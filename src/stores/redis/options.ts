import { checkFunction, checkNames, invalidOption } from "../../core/values/validate.ts";
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

export type RedisStoreTerms = Required<{ [Name in keyof RedisStoreOptions]: RedisStoreOptions[Name] & {} }>;

/** The options with every default filled in. @throws `invalid_option` */
export function redisStoreTerms(options: RedisStoreOptions): RedisStoreTerms {
  if (typeof options !== "object" || options === null) throw invalidOption("options", "an object", options);
  checkNames("", options, ["client", "prefix", "shards"]);
  const { client, prefix = "tool-offload", shards = 16 } = options;
  checkClient(client);
  // A brace would make another hash tag of it.
  if (typeof prefix !== "string" || !/^[^{}]+$/.test(prefix)) {
    throw invalidOption("prefix", "a text without braces, not empty", prefix);
  }
  if (!Number.isInteger(shards) || shards < 1 || shards > MAX_SHARDS) {
    throw invalidOption("shards", `a whole number from 1 to ${MAX_SHARDS}`, shards);
  }
  return { client, prefix, shards };
}

const MAX_SHARDS = 1_024;

function checkClient(client: RedisLike): void {
  if (typeof client !== "object" || client === null) throw invalidOption("client", "a Redis client", client);
  checkFunction("client.eval", client.eval);
  checkFunction("client.evalsha", client.evalsha);
  if (client.duplicate !== undefined) checkFunction("client.duplicate", client.duplicate);
}
