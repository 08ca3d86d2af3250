import { createHash } from "node:crypto";
import { migrate } from "./migrate.ts";
import { type Names, namesIn } from "./names.ts";
import type { PostgresStoreTerms } from "./options.ts";
import type { PostgresQueryable, PreparingPool, QueryValue } from "./pool.ts";
import { type AnswerRow, inOrder, type Query, type Statement, toQuery, type Values } from "./statement.ts";

/** The store's way to its tables: migrated before the first call, shut after close. */
export class Database {
  readonly names: Names;
  /** Its name in quotes. */
  readonly #schema: string;
  readonly #pool: PostgresQueryable;
  #preparing: PreparingPool | undefined;
  readonly #queries = new WeakMap<object, Query>();
  readonly #statementNames = new Map<string, string>();
  #migrated: Promise<void> | undefined;
  #isClosed = false;

  constructor({ pool, schema, prepare }: PostgresStoreTerms) {
    this.#pool = pool;
    this.#preparing = prepare ? (pool as unknown as PreparingPool) : undefined;
    this.#schema = `"${schema}"`;
    this.names = namesIn(this.#schema);
  }

  close(): void {
    this.#isClosed = true;
  }

  /** Runs one statement, which is a transaction of its own. */
  async ask<Name extends string, Row>(statement: Statement<Name, Row>, values: Values<Name>): Promise<Row[]> {
    if (this.#isClosed) throw new Error("The store is closed.");
    await this.migrate();
    const query = this.#queryOf(statement);
    const ordered = inOrder(query, values);
    for (let tries = 1; ; tries += 1) {
      try {
        return (await this.#query(query.text, ordered)).rows as Row[];
      } catch (error) {
        if (tries === MAX_TRIES || !this.#mayTryAgain(error)) throw error;
        await pause(Math.random() * RETRY_MS * tries);
      }
    }
  }

  /** Runs a statement whose rows are an `answer` each, as JSON text. */
  async askAll<Name extends string, Answer>(
    statement: Statement<Name, AnswerRow<Answer>>,
    values: Values<Name>,
  ): Promise<Answer[]> {
    const rows = await this.ask(statement, values);
    return rows.map(({ answer }) => JSON.parse(answer));
  }

  /** The same, of one answer, or null for nothing. */
  async askOne<Name extends string, Answer>(
    statement: Statement<Name, AnswerRow<Answer | null>>,
    values: Values<Name>,
  ): Promise<Answer | undefined> {
    const [answer] = await this.askAll(statement, values);
    return answer ?? undefined;
  }

  #mayTryAgain(error: unknown): boolean {
    const code = (error as { code?: unknown } | null)?.code;
    const isMixedUp = this.#preparing !== undefined && MIXED_UP.includes(code);
    if (isMixedUp) this.#preparing = undefined;
    return isMixedUp || TRANSIENT.includes(code);
  }

  #queryOf<Name extends string>(statement: Statement<Name, unknown>): Query<Name> {
    const known = this.#queries.get(statement) as Query<Name> | undefined;
    if (known !== undefined) return known;
    const query = toQuery<Name>(statement.text(this.names));
    this.#queries.set(statement, query);
    return query;
  }

  #query(text: string, values: QueryValue[]): Promise<{ rows: unknown[] }> {
    const named = this.#preparing?.query({ name: this.#nameOf(text), text, values });
    return named ?? this.#pool.query(text, values);
  }

  /** All stores of a pool share its connections: the name says which statement it is. */
  #nameOf(text: string): string {
    const known = this.#statementNames.get(text);
    if (known !== undefined) return known;
    const name = `tool-offload ${createHash("sha256").update(text).digest("base64url")}`;
    this.#statementNames.set(text, name);
    return name;
  }

  /** Once for all callers; a failure is tried again by the next. */
  migrate(): Promise<void> {
    this.#migrated ??= migrate(this.#pool, this.#schema).catch((error) => {
      this.#migrated = undefined;
      throw error;
    });
    return this.#migrated;
  }
}

/** Serialization failure and deadlock: the statement has done nothing, and may well succeed the next time. */
const TRANSIENT: unknown[] = ["40001", "40P01"];
/** No such prepared statement, or one too many: another connection has answered than the one that was asked. */
const MIXED_UP: unknown[] = ["26000", "42P05"];
const MAX_TRIES = 5;
const RETRY_MS = 20;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
