/**
 * Where things are kept. Events, results and payloads hang on a task by its `key`, in tables of their own, so
 * that nobody who reads records loads them. Instants are epoch milliseconds; `session` is ":" and the id, or
 * "" for none; JSON is kept as text, which holds what jsonb refuses.
 *
 * A task is filed in one index, by which it is found: this text calls it a shelf. While the task is unfinished that is
 * its status, sorted by the end of its lease; while somebody is to be told, the mode of its follow-up, sorted by when
 * it ended; and then "done". In the indexes of follow-ups those are apart, under `held`, whose session was found to
 * have had so many turns.
 *
 * Every index of PostgreSQL's is written at the end of a task, so there are no more than it takes. The planner's
 * statistics are always of another moment, and may come from tables that were nearly empty. So each has a first column
 * of its own, which is why there is a shelf and a shelf of the user; the latter is said to hold few; and no statistics
 * are taken before there are many rows.
 */
export const tables = (s: string): string => `
CREATE TABLE ${s}.tasks (
  user_id text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  key bigint GENERATED ALWAYS AS IDENTITY,
  session text COLLATE "C" NOT NULL,
  shelf text COLLATE "C" NOT NULL,
  shelf_at float8 NOT NULL,
  user_shelf text COLLATE "C" NOT NULL,
  held integer NOT NULL DEFAULT 0,
  details text NOT NULL,
  status text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  owner text COLLATE "C",
  runs integer NOT NULL,
  duplicate_key text COLLATE "C",
  created_at float8 NOT NULL,
  started_at float8,
  updated_at float8 NOT NULL,
  completed_at float8,
  deadline_at float8,
  progress text,
  error text,
  cancel text,
  follow_up_status text COLLATE "C" NOT NULL,
  follow_up_mode text COLLATE "C",
  follow_up_attempts integer NOT NULL,
  follow_up_reason text,
  due_at float8 NOT NULL DEFAULT 0,
  is_deferred boolean NOT NULL DEFAULT false,
  claim text COLLATE "C",
  first_seq integer NOT NULL,
  last_seq integer NOT NULL,
  log_chars integer NOT NULL,
  lease_ms float8 NOT NULL,
  has_payload boolean NOT NULL,
  PRIMARY KEY (id, user_id)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_threshold = 1000);
ALTER TABLE ${s}.tasks ALTER user_shelf SET (n_distinct = -1);
CREATE INDEX tasks_by_creation ON ${s}.tasks (user_id, created_at, id);
CREATE INDEX tasks_by_shelf ON ${s}.tasks (shelf, held, shelf_at, id);
CREATE INDEX tasks_by_user ON ${s}.tasks (user_shelf, shelf_at, id);

-- What was written at once is one row: its events and their weights, as JSON lists.
CREATE TABLE ${s}.events (
  task_key bigint NOT NULL,
  last_seq integer NOT NULL,
  events text NOT NULL,
  weights text NOT NULL,
  PRIMARY KEY (task_key, last_seq)
) WITH (autovacuum_vacuum_threshold = 1000, autovacuum_analyze_threshold = 1000);
CREATE TABLE ${s}.results (
  task_key bigint PRIMARY KEY,
  about text NOT NULL,
  head text NOT NULL,
  tail text
) WITH (autovacuum_vacuum_threshold = 1000, autovacuum_analyze_threshold = 1000);
CREATE TABLE ${s}.payloads (
  task_key bigint PRIMARY KEY,
  input text NOT NULL,
  checkpoint text
) WITH (autovacuum_vacuum_threshold = 1000, autovacuum_analyze_threshold = 1000);
CREATE TABLE ${s}.claims (
  user_id text COLLATE "C" NOT NULL,
  session text COLLATE "C" NOT NULL,
  token text COLLATE "C" NOT NULL UNIQUE,
  ends_at float8 NOT NULL,
  counts_turn boolean NOT NULL,
  PRIMARY KEY (user_id, session)
);
CREATE INDEX claims_by_end ON ${s}.claims (ends_at);
CREATE TABLE ${s}.turns (
  user_id text COLLATE "C" NOT NULL,
  session text COLLATE "C" NOT NULL,
  turns integer NOT NULL,
  counted_at float8 NOT NULL,
  PRIMARY KEY (user_id, session)
);
CREATE INDEX turns_by_age ON ${s}.turns (counted_at);`;
