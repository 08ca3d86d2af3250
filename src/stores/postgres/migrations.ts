import { basics } from "./sql/basics.ts";
import { change } from "./sql/change.ts";
import { claims } from "./sql/claims.ts";
import { evicting } from "./sql/evicting.ts";
import { expiring } from "./sql/expiring.ts";
import { insert } from "./sql/insert.ts";
import { leases } from "./sql/leases.ts";
import { settling } from "./sql/settling.ts";
import { sweeping } from "./sql/sweeping.ts";
import { tables } from "./sql/tables.ts";

/** What leads from each version of a schema to the next, given its quoted name. The first makes version 1. */
const MIGRATIONS: ((schema: string) => string)[] = [
  (schema) => VERSION_1.map((part) => part(schema)).join("\n"),
];

/** The version that this release works with. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** The query that answers the version of a schema. It fails where there is none. */
export function versionQuery(schema: string): string {
  return `SELECT max(version) AS version FROM ${schema}.migrations`;
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

const VERSION_1 = [tables, basics, insert, change, leases, claims, settling, expiring, evicting, sweeping];

function step(schema: string, version: number, sql: string): string {
  return `  IF done < ${version} THEN
    EXECUTE $step$${sql}$step$;
    INSERT INTO ${schema}.migrations (version) VALUES (${version});
  END IF;`;
}
