import type { Connection } from "./connection.ts";
import { statement } from "./statement.ts";

/**
 * What is on disk keeps its names, so none of this text changes, and some of its words are older than those of the
 * code: see names.ts.
 *
 * A task is filed in one index, its `shelf`: NULL while it is unfinished, "pending" while its follow-up is, "claimed"
 * while that is being delivered, else "done". A pending one whose session is free is due, `ready`, or delayed, which
 * ends at `wakesAt`; in a session that is claimed it is neither, until the end of the claim. A deferred one, which has
 * not failed, comes along with anything else of its session. `turns` are those of its session; `mode` is set while its
 * follow-up is outstanding. `kept` is all of it as JSON; other columns are for finding it.
 *
 * Queries name their index where several would do: SQLite guesses, and those that look alike are not.
 */
const TASKS = `
CREATE TABLE offload_tasks (
  key INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  userId TEXT NOT NULL,
  session TEXT NOT NULL,
  createdAt REAL NOT NULL,
  status TEXT NOT NULL,
  liveKey TEXT,
  leaseEndsAt REAL NOT NULL,
  completedAt REAL NOT NULL DEFAULT 0,
  shelf TEXT,
  mode TEXT,
  turns INTEGER NOT NULL DEFAULT 0,
  dueAt REAL NOT NULL DEFAULT 0,
  isDeferred INTEGER NOT NULL DEFAULT 0,
  ready INTEGER,
  wakesAt REAL,
  kept TEXT NOT NULL
);
CREATE INDEX offload_tasks_of_user ON offload_tasks (userId, createdAt, id);
CREATE INDEX offload_tasks_of_session ON offload_tasks (userId, session, createdAt, id);
CREATE INDEX offload_tasks_unfinished ON offload_tasks (userId, status, session) WHERE shelf IS NULL;
CREATE INDEX offload_tasks_leased ON offload_tasks (leaseEndsAt) WHERE shelf IS NULL;
CREATE INDEX offload_tasks_live ON offload_tasks (userId, liveKey) WHERE liveKey IS NOT NULL;
CREATE INDEX offload_tasks_ended ON offload_tasks (shelf, completedAt) WHERE shelf IS NOT NULL;
CREATE INDEX offload_tasks_done ON offload_tasks (userId, completedAt, id) WHERE shelf = 'done';
CREATE INDEX offload_tasks_outstanding ON offload_tasks (userId, session, completedAt, id)
  WHERE mode IS NOT NULL;
CREATE INDEX offload_tasks_ready ON offload_tasks (mode, turns, completedAt) WHERE ready = 1;
CREATE INDEX offload_tasks_waking ON offload_tasks (wakesAt) WHERE wakesAt IS NOT NULL;`;

/** What is read on its own, so that nobody who asks for a task loads it: see contents.ts. */
const CONTENTS = `
CREATE TABLE offload_parts (
  task INTEGER NOT NULL,
  part INTEGER NOT NULL,
  chars INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (task, part)
) WITHOUT ROWID;
CREATE TRIGGER offload_tasks_evicted AFTER DELETE ON offload_tasks BEGIN
  DELETE FROM offload_parts WHERE task = old.key;
END;`;

/** How many of a user's tasks are filed in the indexes that have a limit, counted where no write can forget it. */
const INDEX_COUNTS = `
CREATE TABLE offload_shelves (
  userId TEXT NOT NULL, shelf TEXT NOT NULL, tasks INTEGER NOT NULL,
  PRIMARY KEY (userId, shelf)
) WITHOUT ROWID;
CREATE INDEX offload_shelves_full ON offload_shelves (shelf, tasks);
CREATE TRIGGER offload_shelves_left AFTER UPDATE OF shelf ON offload_tasks
  WHEN old.shelf IN ('pending', 'done') AND old.shelf IS NOT new.shelf BEGIN
  UPDATE offload_shelves SET tasks = tasks - 1 WHERE userId = old.userId AND shelf = old.shelf;
  DELETE FROM offload_shelves WHERE userId = old.userId AND shelf = old.shelf AND tasks = 0;
END;
CREATE TRIGGER offload_shelves_entered AFTER UPDATE OF shelf ON offload_tasks
  WHEN new.shelf IN ('pending', 'done') AND old.shelf IS NOT new.shelf BEGIN
  INSERT INTO offload_shelves VALUES (new.userId, new.shelf, 1) ON CONFLICT DO UPDATE SET tasks = tasks + 1;
END;
CREATE TRIGGER offload_shelves_deleted AFTER DELETE ON offload_tasks
  WHEN old.shelf IN ('pending', 'done') BEGIN
  UPDATE offload_shelves SET tasks = tasks - 1 WHERE userId = old.userId AND shelf = old.shelf;
  DELETE FROM offload_shelves WHERE userId = old.userId AND shelf = old.shelf AND tasks = 0;
END;`;

/** A session has a row while it is claimed or turns were counted. */
const SESSIONS = `
CREATE TABLE offload_sessions (
  userId TEXT NOT NULL, session TEXT NOT NULL,
  turns INTEGER NOT NULL, countedAt REAL NOT NULL,
  token TEXT, leaseEndsAt REAL, countsTurn INTEGER,
  PRIMARY KEY (userId, session)
) WITHOUT ROWID;
CREATE UNIQUE INDEX offload_sessions_claimed ON offload_sessions (token) WHERE token IS NOT NULL;
CREATE INDEX offload_sessions_leased ON offload_sessions (leaseEndsAt) WHERE token IS NOT NULL;
CREATE INDEX offload_sessions_counted ON offload_sessions (countedAt) WHERE turns > 0;`;

/** The newest writes, for who watches from another connection; nothing while nobody does. */
const HINTS = `
CREATE TABLE offload_hints (n INTEGER PRIMARY KEY, writer INTEGER NOT NULL, hints TEXT NOT NULL);
CREATE TABLE offload_watchers (writer INTEGER PRIMARY KEY, until REAL NOT NULL);`;

/** How long a delay and a claim were from their beginning: a clock that was set back leaves them too far ahead. */
const LENGTHS = `
ALTER TABLE offload_tasks ADD COLUMN delayMs REAL NOT NULL DEFAULT 0;
ALTER TABLE offload_sessions ADD COLUMN leaseMs REAL NOT NULL DEFAULT 0;`;

/** Who has a session, why it is asked to stop, and who waits for it. What was claimed before has been by the library. */
const HOLDS = `
ALTER TABLE offload_sessions ADD COLUMN heldBy TEXT NOT NULL DEFAULT 'library';
ALTER TABLE offload_sessions ADD COLUMN stop TEXT;
CREATE TABLE offload_waits (
  userId TEXT NOT NULL, session TEXT NOT NULL, claimant TEXT NOT NULL,
  since INTEGER NOT NULL, until REAL NOT NULL, waitMs REAL NOT NULL,
  PRIMARY KEY (userId, session, claimant)
) WITHOUT ROWID;
CREATE INDEX offload_waits_order ON offload_waits (userId, session, since);
CREATE INDEX offload_waits_ending ON offload_waits (until);`;

/** Tasks that cannot be read, or lack parts: their `shelf` is "damaged", and why that is so is here. */
const DAMAGED = `
CREATE TABLE offload_damaged (task INTEGER PRIMARY KEY, reason TEXT NOT NULL);
CREATE TRIGGER offload_damaged_gone AFTER DELETE ON offload_tasks WHEN old.shelf = 'damaged' BEGIN
  DELETE FROM offload_damaged WHERE task = old.key;
END;`;

/** Tasks that were asked for under a key, as long as they are kept. */
const KEYED = `
ALTER TABLE offload_tasks ADD COLUMN idempotencyKey TEXT;
CREATE UNIQUE INDEX offload_tasks_keyed ON offload_tasks (userId, idempotencyKey) WHERE idempotencyKey IS NOT NULL;`;

/** Each makes the schema one version newer. They are never changed, only added to. */
export const MIGRATIONS: readonly string[] = [
  TASKS + CONTENTS + INDEX_COUNTS + SESSIONS + HINTS,
  LENGTHS,
  HOLDS,
  DAMAGED + KEYED,
];

/** Tables, indexes and triggers that there must be. */
export function schemaNames(): string[] {
  return [...MIGRATIONS.join("").matchAll(/CREATE .*?(offload_\w+)/g)].map(([, name = ""]) => name);
}

/** The version of the schema in a database; 0: it has none yet. */
export function schemaVersion(connection: Connection): number {
  if (connection.get(HAS_META, {}) === undefined) return 0;
  return connection.get(VERSION, {})?.value ?? 0;
}

/** Brings the schema up to date, in one transaction of the caller's. */
export function migrate(connection: Connection): void {
  const version = schemaVersion(connection);
  if (version === 0) connection.exec(META);
  for (const migration of MIGRATIONS.slice(version)) connection.exec(migration);
  connection.run(SET_VERSION, { version: MIGRATIONS.length });
}

const META = "CREATE TABLE IF NOT EXISTS offload_meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID";

/** A row if there is the table. */
const HAS_META = statement<never, object>(
  "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'offload_meta'",
);

/** The version of the schema. */
const VERSION = statement<never, { value: number }>("SELECT value FROM offload_meta WHERE name = 'schema'");

const SET_VERSION = statement<"version">("INSERT OR REPLACE INTO offload_meta VALUES ('schema', :version)");
