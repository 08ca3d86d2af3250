import type { SqliteDatabaseLike } from "tool-offload/stores/sqlite";

/** The SQLite of Node.js, from 22.13 on, and libsql before that. */
export async function openDatabase(path: string): Promise<SqliteDatabaseLike> {
  const sqlite = process.getBuiltinModule("node:sqlite") as
    | { DatabaseSync: new (path: string) => SqliteDatabaseLike }
    | undefined;
  if (sqlite) return new sqlite.DatabaseSync(path);
  const { default: Database } = await import("libsql");
  return new Database(path);
}
