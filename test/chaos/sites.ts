import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import pg from "pg";
import { startPostgres } from "../support/postgres-server.ts";
import { startRedis } from "../support/redis-server.ts";
import { frozen, stepped, suspended } from "./clocks.ts";
import { damaged, misled } from "./intruders.ts";
import type { Place } from "./stores.ts";
import { crashing, cutting, killed, locked, quiet, slowing, type Trouble } from "./troubles.ts";
import { Wire } from "./wire.ts";

/** Longer than a client waits before it says so. */
const DOWN_MS = 500;

/** What may happen anywhere. */
const ANYWHERE: Record<string, Trouble> = {
  killed,
  frozen,
  "all suspended": suspended,
  "clocks stepped": stepped,
  "records damaged": damaged,
  "rubbish on the channel": misled,
};

/** What may happen anywhere while turns are taken. */
const TO_TURNS: Record<string, Trouble> = { nothing: quiet, killed, frozen };

/** A store, and what may happen there. */
export interface Site {
  place(round: number): Place;
  troubles: Record<string, Trouble>;
  /** What happens while several processes take turns in the same sessions. */
  toTurns: Record<string, Trouble>;
  close(): Promise<void>;
}

/** It has neither a server nor connections: what can be slow there is another process that writes. */
async function sqliteSite(): Promise<Site> {
  const directory = mkdtempSync(join(tmpdir(), "chaos-"));
  return {
    place: (n) => ({ kind: "sqlite", path: join(directory, `${n}.db`) }),
    troubles: { ...ANYWHERE, "locked for 3 s": locked },
    toTurns: TO_TURNS,
    close: async () => rmSync(directory, { recursive: true, force: true }),
  };
}

async function redisSite(): Promise<Site> {
  // With everysec, a server whose disk is slow answers before it has written, and takes that with it when it is killed.
  const server = await startRedis("--appendonly", "yes", "--appendfsync", "always");
  const wire = await new Wire({ port: server.port, host: "127.0.0.1" }).start();
  const crash = async () => {
    await server.kill();
    await sleep(DOWN_MS);
    await server.start();
  };
  const cut = async () => {
    const client = new Redis(server.port);
    for (const type of ["normal", "pubsub"]) await client.call("CLIENT", "KILL", "TYPE", type);
    client.disconnect();
  };
  return {
    place: (n) => ({ kind: "redis", port: server.port, prefix: `chaos${n}` }),
    troubles: {
      ...ANYWHERE,
      "server crashed": crashing(crash),
      "connections cut": cutting(cut),
      "3 s away": slowing(wire),
    },
    toTurns: { ...TO_TURNS, "server crashed": crashing(crash) },
    close: async () => {
      await wire.stop();
      await server.stop();
    },
  };
}

async function postgresSite(): Promise<Site> {
  const server = await startPostgres();
  if (server === undefined) throw new Error("There is no PostgreSQL on this machine.");
  const place = (n: number): Place => ({ kind: "postgres", config: server.config, schema: `chaos_${n}` });
  if (!server.isOwn) return { place, troubles: ANYWHERE, toTurns: TO_TURNS, close: () => server.stop() };
  const wire = await new Wire({ path: `${server.config.host}/.s.PGSQL.${server.config.port}` }).start();
  const cut = async () => {
    const client = new pg.Client(server.config);
    await client.connect();
    await client.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
    );
    await client.end();
  };
  return {
    place,
    troubles: {
      ...ANYWHERE,
      "server crashed": crashing(() => server.crash()),
      "connections cut": cutting(cut),
      "3 s away": slowing(wire),
    },
    toTurns: { ...TO_TURNS, "server crashed": crashing(() => server.crash()) },
    close: async () => {
      await wire.stop();
      await server.stop();
    },
  };
}

export const SITES: Record<string, () => Promise<Site>> = {
  sqlite: sqliteSite,
  redis: redisSite,
  postgres: postgresSite,
};
