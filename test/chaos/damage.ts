import { Redis } from "ioredis";
import Database from "libsql";
import pg from "pg";
import type { TaskRecord } from "../../src/core/model/task.ts";
import type { Place } from "./stores.ts";

/** What no JSON has in it. */
const RUBBISH = "\x01\x01\x01";

/** Overwrites some bytes of a record, behind the back of its store. `part`: how far into it, from 0 to 1. */
export function overwrite(place: Place, record: TaskRecord, part: number): Promise<void> {
  if (place.kind === "sqlite") return inSqlite(place, record, part);
  return place.kind === "redis" ? inRedis(place, record, part) : inPostgres(place, record, part);
}

async function inSqlite({ path }: PlaceOf<"sqlite">, { id }: TaskRecord, part: number): Promise<void> {
  const database = new Database(path, { timeout: 5_000 });
  const at = "CAST(length(kept) * ? AS INTEGER)";
  database
    .prepare(
      `UPDATE offload_tasks SET kept = substr(kept, 1, ${at}) || ? || substr(kept, ${at} + 4) WHERE id = ?`,
    )
    .run(part, RUBBISH, part, id);
  database.close();
}

async function inRedis({ port, prefix }: PlaceOf<"redis">, { id }: TaskRecord, part: number): Promise<void> {
  const client = new Redis(port);
  const [key = ""] = await client.keys(`${prefix}*:call:*/${id}`);
  await client.setrange(key, Math.floor((await client.strlen(key)) * part), RUBBISH);
  client.disconnect();
}

async function inPostgres(
  { config, schema }: PlaceOf<"postgres">,
  { id }: TaskRecord,
  part: number,
): Promise<void> {
  const client = new pg.Client(config);
  await client.connect();
  await client.query(
    `UPDATE ${schema}.tasks SET details = overlay(details PLACING $1 FROM 1 + floor(length(details) * $2::float8)::integer)
      WHERE id = $3`,
    [RUBBISH, part, id],
  );
  await client.end();
}

type PlaceOf<Kind extends Place["kind"]> = Extract<Place, { kind: Kind }>;
