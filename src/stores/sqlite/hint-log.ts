import { hintOf, type TaskHint } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import type { Connection, SqliteValue } from "./connection.ts";

/** Hints about writes of this connection, and of others. They are kept while another connection watches. */
export class HintLog {
  readonly #connection: Connection;
  readonly #writer = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
  #untold: TaskHint[] = [];
  #seen = 0;
  #watchesUntil = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  tell(record: TaskRecord, firstSeq: number): void {
    this.#untold.push(hintOf(record, firstSeq));
  }

  /** Part of the transaction that wrote what is told. */
  keep(): void {
    if (this.#untold.length === 0) return;
    if (this.#connection.get(IS_WATCHED, this.#writer, Date.now()) === undefined) return;
    const n = this.#connection.insert(INSERT, this.#writer, JSON.stringify(this.#untold));
    if (n !== undefined && n % BATCH === 0) this.#connection.run(DROP, n - KEPT);
  }

  /** The hints of this connection's own writes since the last call. */
  takeOwn(): TaskHint[] {
    const hints = this.#untold;
    this.#untold = [];
    return hints;
  }

  /** Asks others to keep hints, from now on and for a while. To be called again and again. */
  watch(): void {
    const now = Date.now();
    if (this.#watchesUntil - now > WATCH_MS / 2) return;
    const isNew = this.#watchesUntil === 0;
    this.#write(WATCH, this.#writer, now + WATCH_MS);
    this.#watchesUntil = now + WATCH_MS;
    if (isNew) this.#seen = this.#connection.get<{ n: number | null }>(NEWEST)?.n ?? 0;
  }

  unwatch(): void {
    this.#watchesUntil = 0;
    this.#write(UNWATCH, this.#writer, Date.now());
  }

  /** What others have written since the last call. */
  takeForeign(): TaskHint[] {
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

const INSERT = "INSERT INTO offload_hints (writer, hints) VALUES (?, ?)";
const DROP = "DELETE FROM offload_hints WHERE n <= ?";
const NEWEST = "SELECT max(n) AS n FROM offload_hints";
const SINCE = "SELECT n, writer, hints FROM offload_hints WHERE n > ? ORDER BY n";
const IS_WATCHED = "SELECT 1 FROM offload_watchers WHERE writer <> ? AND until > ? LIMIT 1";
const WATCH = "INSERT OR REPLACE INTO offload_watchers (writer, until) VALUES (?, ?)";
const UNWATCH = "DELETE FROM offload_watchers WHERE writer = ? OR until <= ?";
