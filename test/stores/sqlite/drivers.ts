import type { SqliteDatabaseLike } from "../../../src/stores/sqlite.ts";

type NodeSqlite = { DatabaseSync: new (path: string, options?: object) => SqliteDatabaseLike };

const sqlite = process.getBuiltinModule("node:sqlite") as NodeSqlite | undefined;

/** Opens a database with `node:sqlite`, where this Node has it. */
export const openNodeSqlite =
  sqlite && ((path: string, options: object = {}) => new sqlite.DatabaseSync(path, options));
