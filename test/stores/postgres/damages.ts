import type { Damage } from "../../../src/core/model/store.ts";
import type { TaskRecord } from "../../../src/core/model/task.ts";
import { migratePostgres } from "../../../src/stores/postgres.ts";
import { finishNext } from "../../../src/testing/suite/lab.ts";
import { labOf, newSchema, type PostgresLab } from "./lab.ts";

/** A store whose rows are about to be damaged, and what it tells of that. In statements, `@` is its schema. */
export async function damagesOf(pg: PostgresLab, schema = newSchema()) {
  await migratePostgres({ pool: pg.pool, schema });
  const store = pg.newStore({ schema });
  const lab = labOf(store);
  const told: Damage[] = [];
  store.onDamage?.((damage) => void told.push(damage));
  const run = (sql: string) => pg.pool.query(sql.replaceAll("@", `"${schema}".`));
  const damage = ({ id }: TaskRecord, change: string) =>
    run(`UPDATE @tasks SET ${change} WHERE id = '${id}'`);
  const keyOf = async ({ id }: TaskRecord) =>
    (await run(`SELECT key FROM @tasks WHERE id = '${id}'`)).rows[0].key;
  /** A task that has ended after all before it, with a follow-up that waits. */
  const pending = (sessionId: string) => finishNext(lab, { sessionId });
  return { schema, store, lab, told, run, damage, keyOf, pending };
}
