import { Redis } from "ioredis";
import Database from "libsql";
import pg from "pg";
import type { TaskStore } from "../../src/core/model/store.ts";
import { postgresStore } from "../../src/stores/postgres.ts";
import { redisStore } from "../../src/stores/redis.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";

/** Where a store is, for any process to open it. */
export type Place =
  | { kind: "sqlite"; path: string }
  | { kind: "redis"; port: number; prefix: string }
  | { kind: "postgres"; config: pg.PoolConfig; schema: string };

export interface Opened {
  store: TaskStore;
  close(): Promise<void>;
}

/** A connection of this process's own. */
export function open(place: Place): Opened {
  if (place.kind === "sqlite") return openSqlite(place.path);
  return place.kind === "redis"
    ? openRedis(place.port, place.prefix)
    : openPostgres(place.config, place.schema);
}

/** The same place, by way of a port of this machine. */
export function through(port: number, place: Place): Place {
  if (place.kind === "sqlite") throw new Error("There is no way to a file but the direct one.");
  return place.kind === "redis"
    ? { ...place, port }
    : { ...place, config: { ...place.config, host: "127.0.0.1", port } };
}

function openSqlite(path: string): Opened {
  const database = new Database(path);
  const store = sqliteStore({ database });
  return {
    store,
    close: async () => {
      await store.close();
      database.close();
    },
  };
}

function openRedis(port: number, prefix: string): Opened {
  const client = new Redis(port, "127.0.0.1", { maxRetriesPerRequest: 1 });
  client.on("error", () => undefined);
  const store = redisStore({ client, prefix });
  return {
    store,
    close: async () => {
      await store.close();
      client.disconnect();
    },
  };
}

function openPostgres(config: pg.PoolConfig, schema: string): Opened {
  const pool = new pg.Pool({ ...config, max: 10 });
  pool.on("error", () => undefined);
  const store = postgresStore({ pool, schema });
  return {
    store,
    close: async () => {
      await store.close();
      await pool.end();
    },
  };
}
