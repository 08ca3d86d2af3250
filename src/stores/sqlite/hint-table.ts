import type { StoreHint } from "../../core/model/store.ts";
import { checkHint } from "../shared/check-hint.ts";
import type { Connection } from "./connection.ts";
import type { FileTime } from "./file-time.ts";
import { HINTS, WATCHERS } from "./names.ts";
import { parse } from "./read-entry.ts";
import { type Statement, statement, type Values } from "./statement.ts";

/** Hints that connections leave for each other. They are kept while another connection watches. */
export class HintTable {
  readonly #connection: Connection;
  readonly #time: FileTime;
  readonly #writer = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
  #seen = 0;
  #watchesUntil = 0;
  /** It was asked to watch, and could not yet. */
  #isLate = false;

  constructor(connection: Connection, time: FileTime) {
    this.#connection = connection;
    this.#time = time;
  }

  /** Part of the transaction that wrote what the hints tell of. */
  put(hints: readonly StoreHint[]): void {
    if (hints.length === 0) return;
    const writer = this.#writer;
    if (this.#connection.get(IS_WATCHED, { writer, now: this.#time.now() }) === undefined) return;
    const n = this.#connection.insert(PUT, { writer, hints: JSON.stringify(hints) });
    if (n !== undefined && n % BATCH === 0) this.#connection.run(DROP, { newest: n - KEPT });
  }

  /**
   * Asks others to keep hints, from now on and for a while. To be called again and again. Returns whether there were none
   * for a while: this process, or the file, was not to be had.
   */
  watch(): boolean {
    const now = this.#time.now();
    if (this.#watchesUntil - now > WATCH_MS / 2) return false;
    const isNew = this.#watchesUntil === 0;
    const hasLapsed = isNew ? this.#isLate : this.#watchesUntil <= now;
    this.#isLate = isNew;
    this.#write(WATCH, { writer: this.#writer, until: now + WATCH_MS });
    this.#watchesUntil = now + WATCH_MS;
    this.#isLate = false;
    if (isNew) this.#seen = this.#connection.get(NEWEST, {})?.n ?? 0;
    return hasLapsed;
  }

  unwatch(): void {
    this.#watchesUntil = 0;
    this.#isLate = false;
    this.#write(UNWATCH, { writer: this.#writer, now: this.#time.now() });
  }

  /** What others have written since the last call, and whether some of that was dropped before. */
  take(): { hints: StoreHint[]; hasMissed: boolean } {
    const rows = this.#connection.all(SINCE, { seen: this.#seen, writer: this.#writer });
    const hasMissed = (rows[0]?.n ?? 0) > this.#seen + 1;
    this.#seen = rows.at(-1)?.n ?? this.#seen;
    return {
      hints: rows.flatMap(({ isForeign, hints }) => (isForeign === 1 ? hintsIn(hints) : [])),
      hasMissed,
    };
  }

  #write<Name extends string>(statement: Statement<Name>, values: Values<Name>): void {
    this.#connection.transaction("BEGIN IMMEDIATE", () => this.#connection.run(statement, values));
  }
}

/** Transactions whose hints are kept, for who looks a moment later. */
const KEPT = 512;
/** Most of them leave many at a time. */
const BATCH = 64;
/** For so long a watcher counts that has not been heard of. */
const WATCH_MS = 10_000;

/** Numbers of transactions are smaller: others may have written what they like. */
const END = 2 ** 52;

/** Keeps the hints of a transaction, as JSON. */
const PUT = statement<"writer" | "hints">(
  `INSERT INTO ${HINTS} (n, writer, hints)
    SELECT ifnull(max(n), 0) + 1, :writer, :hints FROM ${HINTS} WHERE n < ${END}`,
);

/** Drops hints up to the newest transaction to go. */
const DROP = statement<"newest">(`DELETE FROM ${HINTS} WHERE n <= :newest OR n >= ${END}`);

/** The number of the newest transaction. */
const NEWEST = statement<never, { n: number | null }>(`SELECT max(n) AS n FROM ${HINTS} WHERE n < ${END}`);

/** Transactions after one that was seen, with their hints, in order. */
const SINCE = statement<"seen" | "writer", { n: number; isForeign: number | null; hints: unknown }>(
  `SELECT n, writer IS NOT :writer AS isForeign, hints FROM ${HINTS} WHERE n > :seen AND n < ${END} ORDER BY n`,
);

/** A row if somebody else watches. */
const IS_WATCHED = statement<"writer" | "now", object>(
  `SELECT 1 FROM ${WATCHERS} WHERE writer <> :writer AND until > :now LIMIT 1`,
);

const WATCH = statement<"writer" | "until">(
  `INSERT OR REPLACE INTO ${WATCHERS} (writer, until) VALUES (:writer, :until)`,
);

/** Whoever has not been heard of goes too. */
const UNWATCH = statement<"writer" | "now">(
  `DELETE FROM ${WATCHERS} WHERE writer = :writer OR until <= :now`,
);

/** What others have left may be anything. */
function hintsIn(text: unknown): StoreHint[] {
  const hints = parse(text);
  return Array.isArray(hints) ? hints.flatMap((hint) => checkHint(hint) ?? []) : [];
}
