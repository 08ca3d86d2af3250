import { TaskOffloadError } from "../../core/errors.ts";
import { migrationScript, SCHEMA_VERSION, versionQuery } from "./migrations.ts";
import type { PostgresQueryable } from "./pool.ts";

/** Brings a schema to the version of this release. Where it is there already, this only reads. */
export async function migrate(database: PostgresQueryable, schema: string): Promise<void> {
  let version = await versionOf(database, schema);
  if (version < SCHEMA_VERSION) {
    await database.query(migrationScript(schema));
    version = await versionOf(database, schema);
  }
  if (version > SCHEMA_VERSION) throw newerError(schema, version);
}

/** Undefined table, undefined schema. */
const ABSENT: unknown[] = ["42P01", "3F000"];

async function versionOf(database: PostgresQueryable, schema: string): Promise<number> {
  try {
    const { rows } = await database.query(versionQuery(schema));
    const [row] = rows as { version: number | null }[];
    return row?.version ?? 0;
  } catch (error) {
    if (ABSENT.includes((error as { code?: unknown } | null)?.code)) return 0;
    throw error;
  }
}

function newerError(schema: string, version: number): TaskOffloadError {
  const message = `The PostgreSQL schema ${schema} has version ${version}, and this release of tool-offload knows versions up to ${SCHEMA_VERSION}. Update tool-offload.`;
  return new TaskOffloadError("not_supported", message);
}
