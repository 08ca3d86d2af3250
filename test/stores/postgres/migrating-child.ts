/** A process of its own that migrates a schema, writes a task, and says when it is done. */
import pg from "pg";
import { postgresStore } from "../../../src/stores/postgres.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import { LONG_MS, NO_LIMITS } from "../../../src/testing/suite/lab.ts";

const { config, schema, id } = JSON.parse(process.argv[2] ?? "{}");
const pool = new pg.Pool(config);
await pool.query("SELECT 1");
process.send?.("ready");
await new Promise((resolve) => process.once("message", resolve));
const store = postgresStore({ pool, schema });
await store.insert(makeTask({ id }), NO_LIMITS, LONG_MS);
await store.close();
await pool.end();
process.disconnect();
