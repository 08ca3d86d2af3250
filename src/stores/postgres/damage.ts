import type { Damage } from "../../core/model/store.ts";
import { DamagedError } from "../shared/damage.ts";
import { type DamageListener, Listeners } from "../shared/listeners.ts";
import type { Database } from "./database.ts";
import { fromKey } from "./keys.ts";
import { DAMAGED, INDEX, TURNS, USER_INDEX } from "./names.ts";
import { statement } from "./statement.ts";
import type { WrongRowError } from "./wrong-row.ts";

/** Records that cannot be read: each is set aside in an index where nobody looks, and told of once. */
export class Damages {
  readonly #database: Database;
  readonly #listeners = new Listeners<Damage>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Returns how to stop listening. */
  onDamage(listener: DamageListener): () => void {
    return this.#listeners.add(listener);
  }

  /** What is read of rows that were met among others. What is damaged is set aside, and left out. */
  async readEach<Row, Read>(rows: readonly Row[], read: (row: Row) => Read): Promise<Read[]> {
    const whole: Read[] = [];
    for (const row of rows) {
      try {
        whole.push(read(row));
      } catch (error) {
        await this.#setAside(asWrongRow(error));
      }
    }
    return whole;
  }

  /** What is read of what was asked for. @throws DamagedError */
  async readOne<Read>(read: () => Read): Promise<Read> {
    try {
      return read();
    } catch (error) {
      throw new DamagedError(await this.#setAside(asWrongRow(error)));
    }
  }

  /** Only who has set it aside tells of it. */
  async #setAside({ row, table, reason }: WrongRowError): Promise<Damage> {
    const { user_id: user, id, key } = row;
    const place = `${this.#database.names[table]}, ${table === "tasks" ? "key" : "task_key"} ${key}`;
    const damage = { userId: fromKey(user), taskId: fromKey(id), place, reason };
    const values = { user, id, key: Number(key), reason };
    if ((await this.#database.ask(SET_ASIDE, values)).length > 0) this.#listeners.tell(damage);
    return damage;
  }

  close(): void {
    this.#listeners.clear();
  }
}

/** A row if it was not set aside before. The key says that it is the same row still. */
const SET_ASIDE = statement<"user" | "id" | "key" | "reason", object>(
  ({ tasks }) => `UPDATE ${tasks} SET ${INDEX} = '${DAMAGED}', ${USER_INDEX} = '${DAMAGED} ' || user_id,
      ${TURNS} = 0, idempotency_key = NULL, damage = :reason
    WHERE user_id = :user AND id = :id AND key = :key
      AND (${INDEX}, ${USER_INDEX}) <> ('${DAMAGED}', '${DAMAGED} ' || user_id) RETURNING true`,
);

function asWrongRow(error: unknown): WrongRowError {
  if (error instanceof Error && "row" in error) return error as WrongRowError;
  throw error;
}
