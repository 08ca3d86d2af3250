/** The query for what a store would need in a schema of this version and has not, in words; null where it has all. */
export function lackedIn(schema: string): string {
  return `SELECT string_agg(DISTINCT lacked, ', ') FROM (
    SELECT 'a database that is not read-only' WHERE current_setting('transaction_read_only') = 'on'
    UNION ALL ${lackedOfTables(schema)}
    UNION ALL ${lackedFunctions(schema)}
    UNION ALL ${lackedLocks()}
  ) AS all_lacked(lacked)`;
}

/** What a store does in each of its tables. */
const PRIVILEGES = {
  tasks: ["SELECT", "INSERT", "UPDATE", "DELETE"],
  events: ["SELECT", "INSERT", "DELETE"],
  results: ["SELECT", "INSERT", "UPDATE", "DELETE"],
  payloads: ["SELECT", "INSERT", "UPDATE", "DELETE"],
  claims: ["SELECT", "INSERT", "UPDATE", "DELETE"],
  turns: ["SELECT", "INSERT", "UPDATE", "DELETE"],
};

/** Every function of the newest version: those that statements call, and those that they call in turn. */
export const FUNCTIONS: readonly string[] = [
  "admit_task",
  "append_events",
  "begin_turn",
  "change_task",
  "claim_due",
  "claim_session",
  "drop_follow_up",
  "evict",
  "evict_by_age",
  "evict_by_count",
  "expire",
  "expire_by_age",
  "expire_by_count",
  "extend_claim",
  "forget_old_claims",
  "forget_old_turns",
  "forget_turns",
  "hold_session",
  "insert_task",
  "now_ms",
  "oldest_due",
  "renew_leases",
  "reset_turns",
  "session_lock",
  "settle",
  "settle_claim",
  "shelf_of",
  "shelves",
  "stop_turn",
  "sweep",
  "take_follow_ups",
  "take_session",
  "tidy",
  "trim_log",
  "try_lock",
  "users_after",
  "waiting_limit_met",
  "waits_for",
  "waits_with",
  "weights_of",
  "write_follow_up",
];

/** Functions of PostgreSQL itself that an administrator may have withdrawn. */
const LOCKS = [
  "pg_advisory_unlock(bigint)",
  "pg_advisory_xact_lock(bigint)",
  "pg_try_advisory_lock(bigint)",
  "pg_try_advisory_xact_lock(bigint)",
];

function lackedOfTables(schema: string): string {
  const uses = Object.entries(PRIVILEGES).flatMap(([table, privileges]) =>
    privileges.map((privilege) => `('${schema}.${table}', '${privilege}')`),
  );
  return `SELECT CASE WHEN to_regclass(name) IS NULL THEN 'the table ' || name ELSE privilege || ' on ' || name END
    FROM (VALUES ${uses}) AS t(name, privilege)
    WHERE NOT coalesce(has_table_privilege(to_regclass(name), privilege), false)`;
}

function lackedFunctions(schema: string): string {
  return `SELECT CASE WHEN p.oid IS NULL THEN 'the function ' ELSE 'EXECUTE on ' END || '${schema}.' || name
    FROM unnest('{${FUNCTIONS}}'::text[]) AS f(name)
    LEFT JOIN pg_proc p ON p.proname = f.name AND p.pronamespace = to_regnamespace('${schema}')
    WHERE p.oid IS NULL OR NOT has_function_privilege(p.oid, 'EXECUTE')`;
}

function lackedLocks(): string {
  return `SELECT 'EXECUTE on ' || name FROM unnest('{${LOCKS}}'::text[]) AS f(name)
    WHERE NOT has_function_privilege(name, 'EXECUTE')`;
}
