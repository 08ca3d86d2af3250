import type { TaskHint } from "../../core/model/store.ts";
import type { Connection, SqliteValue } from "./connection.ts";
import type { FileTime } from "./file-time.ts";
import { HINTS, WATCHERS } from "./names.ts";

/** Hints that connections leave for each other. They are kept while another connection watches. */
export class HintTable {
  readonly #connection: Connection;
  readonly #time: FileTime;
  readonly #writer = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
  #seen = 0;
  #watchesUntil = 0;

  constructor(connection: Connection, time: FileTime) {
    this.#connection = connection;
    this.#time = time;
  }

  /** Part of the transaction that wrote what the hints tell of. */
  put(hints: readonly TaskHint[]): void {
    if (hints.length === 0) return;
    if (this.#connection.get(IS_WATCHED, this.#writer, this.#time.now()) === undefined) return;
    const n = this.#connection.insert(PUT, this.#writer, JSON.stringify(hints));
    if (n !== undefined && n % BATCH === 0) this.#connection.run(DROP, n - KEPT);
  }

  /** Asks others to keep hints, from now on and for a while. To be called again and again. */
  watch(): void {
    const now = this.#time.now();
    if (this.#watchesUntil - now > WATCH_MS / 2) return;
    const isNew = this.#watchesUntil === 0;
    this.#write(WATCH, this.#writer, now + WATCH_MS);
    this.#watchesUntil = now + WATCH_MS;
    if (isNew) this.#seen = this.#connection.get<{ n: number | null }>(NEWEST)?.n ?? 0;
  }

  unwatch(): void {
    this.#watchesUntil = 0;
    this.#write(UNWATCH, this.#writer, this.#time.now());
  }

  /** What others have written since the last call. */
  take(): TaskHint[] {
    const rows = this.#connection.all<{ n: number; writer: number; hints: string }>(SINCE, this.#seen);
    this.#seen = rows.at(-1)?.n ?? this.#seen;
    const foreign = rows.filter(({ writer }) => writer !== this.#writer);
    return foreign.flatMap(({ hints }) => JSON.parse(hints) as TaskHint[]);
  }

  #write(sql: string, ...values: SqliteValue[]): void {
    this.#connection.transaction("BEGIN IMMEDIATE", () => this.#connection.run(sql, ...values));
  }
}

/** Transactions whose hints are kept, for who looks a moment later. */
const KEPT = 512;
/** Most of them leave many at a time. */
const BATCH = 64;
/** For so long a watcher counts that has not been heard of. */
const WATCH_MS = 10_000;

/** ? writer, ? the hints of a transaction as JSON. */
const PUT = `INSERT INTO ${HINTS} (writer, hints) VALUES (?, ?)`;

/** ? number of the newest transaction to go. */
const DROP = `DELETE FROM ${HINTS} WHERE n <= ?`;

/** Returns the number of the newest transaction. */
const NEWEST = `SELECT max(n) AS n FROM ${HINTS}`;

/** ? number to read on from. Returns transactions with who wrote them and their hints, in order. */
const SINCE = `SELECT n, writer, hints FROM ${HINTS} WHERE n > ? ORDER BY n`;

/** ? writer, ? now. Returns a row if somebody else watches. */
const IS_WATCHED = `SELECT 1 FROM ${WATCHERS} WHERE writer <> ? AND until > ? LIMIT 1`;

/** ? writer, ? until when it watches. */
const WATCH = `INSERT OR REPLACE INTO ${WATCHERS} (writer, until) VALUES (?, ?)`;

/** ? writer, ? now. Whoever has not been heard of goes too. */
const UNWATCH = `DELETE FROM ${WATCHERS} WHERE writer = ? OR until <= ?`;
