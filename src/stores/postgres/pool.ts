/** A value that goes into a query. */
export type QueryValue = string | number | boolean | null;

/** What runs a statement: `$1` and so on stand for the values. */
export interface PostgresQueryable {
  query(text: string, values?: QueryValue[]): Promise<{ rows: unknown[] }>;
}

/** What has its connections remember statements by their names. */
export interface PreparingPool {
  query(statement: { name: string; text: string; values: QueryValue[] }): Promise<{ rows: unknown[] }>;
}

export type NotificationListener = (message: { payload?: string | undefined }) => void;

/** A connection of its own, for listening. */
export interface PostgresClientLike extends PostgresQueryable {
  on(event: "notification", listener: NotificationListener): unknown;
  on(event: "error" | "end", listener: () => void): unknown;
  removeListener(event: string, listener: NotificationListener): unknown;
  /** Gives the connection back to its pool, or, with `true`, ends it. */
  release(destroy?: boolean): void;
}

export type ConnectCallback = (error: Error | undefined, client: PostgresClientLike | undefined) => void;

/** The part of a `Pool` of pg that a store uses. Others fit too, with or without `connect`. */
export interface PostgresPoolLike extends PostgresQueryable {
  /**
   * Calls back, or else answers a promise. Without it the store gives no hints, and other processes are learnt of
   * by polling.
   */
  connect?(callback?: ConnectCallback): Promise<PostgresClientLike> | undefined;
  options?: { max?: number };
}
