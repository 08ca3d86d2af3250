import { lackedIn } from "./lacked.ts";
import { version1 } from "./migrations/version-1/all.ts";
import { version2 } from "./migrations/version-2.ts";
import { version3 } from "./migrations/version-3.ts";
import { version4 } from "./migrations/version-4/all.ts";

/** What leads from each version of a schema to the next, given its quoted name. The first makes version 1. */
const MIGRATIONS: readonly ((schema: string) => string)[] = [version1, version2, version3, version4];

/** The version that this release works with. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** The query for the version of a schema, and for what a store lacks there. It fails where there is none. */
export function versionQuery(schema: string): string {
  return `SELECT max(version) AS version, (${lackedIn(schema)}) AS lacked FROM ${schema}.migrations`;
}

/**
 * One statement that brings a schema to this version, all of it or nothing. Those who run it at the same time
 * do so one after the other.
 */
export function migrationScript(schema: string): string {
  return `DO $migrate$
DECLARE
  done integer;
BEGIN
  IF current_setting('server_encoding') <> 'UTF8' THEN
    RAISE 'tool-offload needs a database whose encoding is UTF8.' USING ERRCODE = 'feature_not_supported';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('tool-offload migrations', 0));
  IF to_regclass('${schema}.migrations') IS NULL THEN
    CREATE SCHEMA IF NOT EXISTS ${schema};
    CREATE TABLE ${schema}.migrations (version integer PRIMARY KEY, done_at timestamptz NOT NULL DEFAULT now());
  END IF;
  SELECT coalesce(max(version), 0) INTO done FROM ${schema}.migrations;
${MIGRATIONS.map((migration, index) => step(schema, index + 1, migration(schema))).join("\n")}
END $migrate$`;
}

function step(schema: string, version: number, sql: string): string {
  return `  IF done < ${version} THEN
    EXECUTE $step$${sql}$step$;
    INSERT INTO ${schema}.migrations (version) VALUES (${version});
  END IF;`;
}
