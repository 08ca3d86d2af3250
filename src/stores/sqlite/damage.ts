import type { Damage } from "../../core/model/store.ts";
import { type DamageListener, Listeners } from "../shared/listeners.ts";
import type { Connection } from "./connection.ts";
import { DAMAGED, DELAYED_UNTIL, DUPLICATE_KEY, INDEX, IS_DUE, IS_NOT_ASIDE, TASKS } from "./names.ts";
import type { DamagedRow } from "./read-entry.ts";
import { statement } from "./statement.ts";
import { decodeText } from "./text.ts";

/**
 * Tasks that are damaged: nothing leads to them any more but their id, what is left of them stays in its row, and
 * listeners are told of each once, when that is written.
 */
export class Damages {
  readonly #connection: Connection;
  readonly #listeners = new Listeners<Damage>();
  #untold: Damage[] = [];
  #count = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** How many were set aside by now. */
  get count(): number {
    return this.#count;
  }

  /** To be called in a transaction. Returns what was told of it, now or before. */
  setAside({ key, reason }: DamagedRow): Damage {
    const isNew = this.#connection.run(SET_ASIDE, { key }) > 0;
    if (isNew) this.#connection.run(REMEMBER, { key, reason });
    const damage = this.#of(key, reason);
    if (!isNew) return damage;
    this.#untold.push(damage);
    this.#count += 1;
    return damage;
  }

  /** Returns how to stop listening. */
  listen(listener: DamageListener): () => void {
    return this.#listeners.add(listener);
  }

  /** The transaction is written: listeners are told, soon. */
  committed(): void {
    const damages = this.#untold;
    this.#untold = [];
    if (damages.length > 0) Promise.resolve().then(() => this.#tell(damages));
  }

  /** The transaction has come to nothing. */
  forget(): void {
    this.#untold = [];
  }

  close(): void {
    this.#listeners.clear();
  }

  #of(key: number, reason: string): Damage {
    const row = this.#connection.get(GET, { key });
    return {
      userId: textOf(row?.userId),
      taskId: textOf(row?.id),
      place: `${TASKS}, the row with the key ${key}`,
      reason: textOf(row?.reason) ?? reason,
    };
  }

  #tell(damages: readonly Damage[]): void {
    for (const damage of damages) this.#listeners.tell(damage);
  }
}

/** It is in no index that somebody looks through, has no keys, and counts for no limit. */
const SET_ASIDE = statement<"key">(
  `UPDATE ${TASKS} SET ${INDEX} = 'damaged', ${DUPLICATE_KEY} = NULL, idempotencyKey = NULL, mode = NULL,
    ${IS_DUE} = NULL, ${DELAYED_UNTIL} = NULL WHERE key = :key AND ${IS_NOT_ASIDE}`,
);

const REMEMBER = statement<"key" | "reason">(
  `INSERT OR REPLACE INTO ${DAMAGED} (task, reason) VALUES (:key, :reason)`,
);

/** Whose it is, as far as that can be known, and why it was set aside. */
const GET = statement<"key", { id: unknown; userId: unknown; reason: unknown }>(
  `SELECT id, userId, (SELECT reason FROM ${DAMAGED} WHERE task = key) AS reason FROM ${TASKS} WHERE key = :key`,
);

function textOf(value: unknown): string | null {
  return typeof value === "string" ? decodeText(value) : null;
}
