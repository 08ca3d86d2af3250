import { Redis } from "ioredis";
import Database from "libsql";
import pg from "pg";
import type { TaskRecord } from "../../src/core/model/task.ts";
import type { Place } from "./stores.ts";

/** What no JSON has in it. */
const RUBBISH = "\x01\x01\x01";

/** Overwrites some bytes of a record, behind the back of its store. `part`: how far into it, from 0 to 1. */
export async function overwrite(place: Place, { id }: TaskRecord, part: number): Promise<void> {
  const hits = await HITS[place.kind](place as never, id, part);
  if (hits !== 1) throw new Error(`There are ${hits} records of the task ${id}.`);
}

/** Each answers how many records it has overwritten. */
const HITS: { [Kind in Place["kind"]]: (place: PlaceOf<Kind>, id: string, part: number) => Promise<number> } =
  { sqlite: inSqlite, redis: inRedis, postgres: inPostgres };

async function inSqlite({ path }: PlaceOf<"sqlite">, id: string, part: number): Promise<number> {
  const database = new Database(path, { timeout: 5_000 });
  const { changes } = database
    .prepare(
      `UPDATE offload_tasks SET kept = substr(kept, 1, CAST(length(kept) * ? AS INTEGER)) || ?
        || substr(kept, CAST(length(kept) * ? AS INTEGER) + 4) WHERE id = ?`,
    )
    .run(part, RUBBISH, part, id);
  database.close();
  return changes;
}

/** The rest of a record is in fields that each write may replace. */
async function inRedis({ port, prefix }: PlaceOf<"redis">, id: string, part: number): Promise<number> {
  const client = new Redis(port);
  const keys = await client.keys(`*${prefix}:*:call:*/${id}`);
  for (const key of keys) await client.setrange(key, Math.floor((await client.strlen(key)) * part), RUBBISH);
  client.disconnect();
  return keys.length;
}

async function inPostgres(
  { config, schema }: PlaceOf<"postgres">,
  id: string,
  part: number,
): Promise<number> {
  const client = new pg.Client(config);
  await client.connect();
  const { rowCount } = await client.query(
    `UPDATE ${schema}.tasks
      SET details = overlay(details PLACING $1 FROM 1 + floor(length(details) * $2::float8)::integer) WHERE id = $3`,
    [RUBBISH, part, id],
  );
  await client.end();
  return rowCount ?? 0;
}

type PlaceOf<Kind extends Place["kind"]> = Extract<Place, { kind: Kind }>;
