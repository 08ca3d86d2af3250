import { Redis } from "ioredis";
import Database from "libsql";
import pg from "pg";
import type { StoreHint } from "../../src/core/model/store.ts";
import type { TaskRecord } from "../../src/core/model/task.ts";
import type { Place } from "./stores.ts";

/** Says things where the processes that share a store tell each other what they have written. */
export interface Channel {
  say(texts: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** What nobody means. */
export const RUBBISH: readonly string[] = [
  "rubbish",
  "null",
  "[]",
  "[null]",
  "{",
  '{"id":1}',
  '{"turn":"stop"}',
  '{"userId":"u1","sessionId":{},"turn":"stop"}',
  '{"userId":"u1","sessionId":null,"id":"x","firstSeq":"x","lastSeq":-1,"status":"done","followUp":null}',
  "[".repeat(2_000),
  "x".repeat(4_000),
];

/** What somebody could mean who wants to mislead those who wait for a task, and those who tell its session. */
export function forgedOf({ id, userId, sessionId }: TaskRecord): StoreHint[] {
  const said = { id, userId, sessionId };
  return [
    { ...said, firstSeq: 1_000_000, lastSeq: 1_000_000, status: "running", followUp: "none" },
    { ...said, firstSeq: 1, lastSeq: 1, status: "completed", followUp: "delivered" },
    { ...said, firstSeq: 3, lastSeq: 3, status: "failed", followUp: "pending" },
    { ...said, id: `${id}x`, firstSeq: 1, lastSeq: 9, status: "cancelled", followUp: "pending" },
    { userId, sessionId, turn: "stop" },
    { userId, sessionId, turn: "free" },
  ];
}

export function channelOf(place: Place): Promise<Channel> {
  if (place.kind === "sqlite") return ofSqlite(place.path);
  return place.kind === "redis"
    ? ofRedis(place.port, `${place.prefix}:hints`)
    : ofPostgres(place.config, place.schema);
}

/** There each row has a list of them. */
async function ofSqlite(path: string): Promise<Channel> {
  const database = new Database(path, { timeout: 5_000 });
  const put = database.prepare(
    "INSERT INTO offload_hints (n, writer, hints) SELECT ifnull(max(n), 0) + 1, -1, ? FROM offload_hints",
  );
  return {
    say: async (texts) => {
      for (const text of texts) put.run(text.startsWith("{") ? `[${text}]` : text);
    },
    close: async () => void database.close(),
  };
}

/** There a writer stands in front of each. */
async function ofRedis(port: number, channel: string): Promise<Channel> {
  const client = new Redis(port);
  return {
    say: async (texts) => {
      for (const text of texts) await client.publish(channel, text.startsWith("{") ? `nobody ${text}` : text);
    },
    close: async () => client.disconnect(),
  };
}

async function ofPostgres(config: pg.PoolConfig, channel: string): Promise<Channel> {
  const client = new pg.Client(config);
  await client.connect();
  return {
    say: async (texts) => {
      for (const text of texts) await client.query("SELECT pg_notify($1, $2)", [channel, text]);
    },
    close: () => client.end(),
  };
}
