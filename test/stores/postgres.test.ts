import { migratePostgres, postgresStore } from "../../src/stores/postgres.ts";
import { describePostgres, newSchema } from "./postgres/lab.ts";
import { storeSuite } from "./suite.ts";

/** Making a schema takes as long as ten tests; the store of one is empty again when its turn comes. */
const SCHEMAS = Array.from({ length: 8 }, newSchema);
const TABLES = ["tasks", "events", "results", "payloads", "claims", "turns"];

describePostgres("PostgreSQL", (lab) => {
  let made = 0;
  const newStore = async () => {
    const terms = { pool: lab.pool, schema: SCHEMAS[made % SCHEMAS.length] ?? newSchema() };
    made += 1;
    if (made <= SCHEMAS.length) await migratePostgres(terms);
    else await lab.pool.query(`TRUNCATE ${TABLES.map((table) => `"${terms.schema}".${table}`)}`);
    return postgresStore(terms);
  };
  const cut = () =>
    lab.pool.query(
      "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock'",
    );
  storeSuite("postgresStore", newStore, { cut });
});
