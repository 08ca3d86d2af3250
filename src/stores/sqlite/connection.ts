/** What can be bound, and what comes back. Nothing else is: drivers differ in what they make of the rest. */
export type SqliteValue = string | number | null;

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
  readonly #statements = new Map<string, SqliteStatementLike>();

  constructor(database: SqliteDatabaseLike) {
    this.#database = database;
  }

  /** Answers how many rows were changed. */
  run(sql: string, ...values: SqliteValue[]): number {
    return Number(this.#prepare(sql).run(...values).changes);
  }

  /** Answers the key of the new row; `undefined` if there is none. */
  insert(sql: string, ...values: SqliteValue[]): number | undefined {
    const { changes, lastInsertRowid } = this.#prepare(sql).run(...values);
    return Number(changes) === 0 ? undefined : Number(lastInsertRowid);
  }

  get<Row>(sql: string, ...values: SqliteValue[]): Row | undefined {
    return this.#prepare(sql).get(...values) as Row | undefined;
  }

  all<Row>(sql: string, ...values: SqliteValue[]): Row[] {
    return this.#prepare(sql).all(...values) as Row[];
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
      const answer = work();
      this.exec("COMMIT");
      return answer;
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  /** Lets go of the database. Some drivers keep it open for as long as there are statements. */
  release(): void {
    this.#statements.clear();
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

  #prepare(sql: string): SqliteStatementLike {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    // The host may have made its handle answer bigints.
    statement.safeIntegers?.(false);
    this.#statements.set(sql, statement);
    return statement;
  }
}
