import { TaskOffloadError } from "../../core/errors.ts";
import { migrationScript, SCHEMA_VERSION, versionQuery } from "./migrations.ts";
import type { PostgresQueryable } from "./pool.ts";

/**
 * Brings a schema to the version of this release. Where it is there already, this only reads: whether all is there that
 * a store needs, and may be used, so that nothing is refused in the middle of its work.
 */
export async function migrate(database: PostgresQueryable, schema: string): Promise<void> {
  let found = await look(database, schema);
  if (found.version < SCHEMA_VERSION) {
    await database.query(migrationScript(schema));
    found = await look(database, schema);
  }
  const { version, lacked } = found;
  if (version > SCHEMA_VERSION) throw newerError(schema, version);
  if (lacked !== null) throw lackingError(schema, lacked);
}

/** Undefined table, undefined schema. */
const ABSENT: unknown[] = ["42P01", "3F000"];

/** `lacked`: the privileges and things that a store would need, in words. */
interface Found {
  version: number;
  lacked: string | null;
}

async function look(database: PostgresQueryable, schema: string): Promise<Found> {
  try {
    const { rows } = await database.query(versionQuery(schema));
    const [row] = rows as (Found | { version: null; lacked: null })[];
    return { version: row?.version ?? 0, lacked: row?.lacked ?? null };
  } catch (error) {
    if (ABSENT.includes((error as { code?: unknown } | null)?.code)) return { version: 0, lacked: null };
    throw error;
  }
}

function newerError(schema: string, version: number): TaskOffloadError {
  const message = `The PostgreSQL schema ${schema} has version ${version}, and this release of tool-offload knows versions up to ${SCHEMA_VERSION}. Update tool-offload.`;
  return new TaskOffloadError("not_supported", message);
}

function lackingError(schema: string, lacked: string): TaskOffloadError {
  const message = `The PostgreSQL schema ${schema} cannot be used. This role lacks there: ${lacked}. Nothing was written.`;
  return new TaskOffloadError("not_supported", message);
}
