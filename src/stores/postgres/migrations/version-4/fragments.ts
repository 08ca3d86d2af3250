/** What several functions of this version have in common. Its text is part of what never changes. */

/** The user's indexes of those follow-ups that are outstanding. */
export const outstandingOf = (user: string): string =>
  `('when_idle ' || ${user}, 'interrupt ' || ${user}, 'silent ' || ${user})`;

export const UNFINISHED = "('queued', 'running', 'input_required')";

/** Whether anybody listens: those who do share a lock. */
export const watched = (s: string): string =>
  `CASE WHEN pg_try_advisory_lock(hashtextextended('${s} watch', 0)) THEN NOT pg_advisory_unlock(hashtextextended('${s} watch', 0)) ELSE true END`;

/** Waits for a lock until the end of the transaction; what is read after that is fresh. */
export const lock = (s: string, name: string): string => `
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE 'tool-offload needs transactions that are READ COMMITTED.' USING ERRCODE = 'feature_not_supported';
  END IF;
  IF pg_advisory_xact_lock(hashtextextended('${s}' || ${name}, 0))::text IS NULL THEN
  END IF;`;
