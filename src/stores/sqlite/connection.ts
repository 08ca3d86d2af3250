import type { SqliteValue, Statement, Values } from "./statement.ts";

export type { SqliteValue } from "./statement.ts";

/** A prepared statement, as far as the store uses it. */
export interface SqliteStatementLike {
  run(...values: SqliteValue[]): { changes: number | bigint; lastInsertRowid: number | bigint };
  get(...values: SqliteValue[]): unknown;
  all(...values: SqliteValue[]): unknown[];
  safeIntegers?(isOn: boolean): unknown;
}

/** An open database of the shape of better-sqlite3, which libsql and `node:sqlite` have too. */
export interface SqliteDatabaseLike {
  prepare(sql: string): SqliteStatementLike;
  exec(sql: string): unknown;
  close(): unknown;
}

/** The differences between drivers end here. Each statement is prepared once. */
export class Connection {
  readonly #database: SqliteDatabaseLike;
  readonly #prepared = new Map<string, SqliteStatementLike>();

  constructor(database: SqliteDatabaseLike) {
    this.#database = database;
  }

  /** Returns how many rows were changed. */
  run<Name extends string>(statement: Statement<Name>, values: Values<Name>): number {
    return Number(this.#prepare(statement).run(...inOrder(statement, values)).changes);
  }

  /** Runs a statement that takes the values of several rows, one row after the other. */
  runRows<Name extends string>(statement: Statement<Name>, rows: readonly Values<Name>[]): void {
    const names = statement.order.slice(0, statement.order.length / rows.length);
    this.#prepare(statement).run(...rows.flatMap((row) => names.map((name) => row[name])));
  }

  /** Returns the key of the new row; `undefined` if there is none. */
  insert<Name extends string>(statement: Statement<Name>, values: Values<Name>): number | undefined {
    const { changes, lastInsertRowid } = this.#prepare(statement).run(...inOrder(statement, values));
    return Number(changes) === 0 ? undefined : Number(lastInsertRowid);
  }

  /** libsql answers what was asked before, if a statement is asked for all of its rows and then for one. */
  get<Name extends string, Row>(statement: Statement<Name, Row>, values: Values<Name>): Row | undefined {
    return this.#prepare(statement).get(...inOrder(statement, values)) as Row | undefined;
  }

  all<Name extends string, Row>(statement: Statement<Name, Row>, values: Values<Name>): Row[] {
    return this.#prepare(statement).all(...inOrder(statement, values)) as Row[];
  }

  /** Runs statements that are needed once, or that may have to wait for others. */
  exec(sql: string): void {
    this.#database.exec(sql);
  }

  /**
   * All that `work` does, or nothing. Whatever can meet the lock of another is not prepared: libsql does not reset
   * such a statement, and two of them hold the connection at what it read then, for good.
   */
  transaction<T>(begin: "BEGIN" | "BEGIN IMMEDIATE", work: () => T): T {
    this.exec(begin);
    try {
      const result = work();
      this.exec("COMMIT");
      return result;
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  /** Lets go of the database. Some drivers keep it open for as long as there are statements. */
  release(): void {
    this.#prepared.clear();
  }

  close(): void {
    this.release();
    this.#database.close();
  }

  #rollBack(): void {
    try {
      this.exec("ROLLBACK");
    } catch {
      // After some failures, such as a full disk, SQLite has rolled back by itself.
    }
  }

  #prepare({ sql }: Statement<string, unknown>): SqliteStatementLike {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    const prepared = this.#database.prepare(sql);
    // The host may have made its handle return bigints.
    prepared.safeIntegers?.(false);
    this.#prepared.set(sql, prepared);
    return prepared;
  }
}

function inOrder<Name extends string>(
  { order }: Statement<Name, unknown>,
  values: Values<Name>,
): SqliteValue[] {
  return order.map((name) => values[name]);
}
