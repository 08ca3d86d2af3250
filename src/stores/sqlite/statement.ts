import { replaceNames } from "../shared/named-places.ts";

/** What can be bound, and what comes back. Nothing else is: drivers differ in what they make of the rest. */
export type SqliteValue = string | number | null;

/** A statement with the names of the values that it takes, and the row that it returns. */
export interface Statement<Name extends string, Row = never> {
  /** As SQLite takes it. */
  readonly sql: string;
  /** Whose values come in which order; one may come again. */
  readonly order: readonly Name[];
  /** Never there: it only has the type of a row. */
  readonly row?: Row;
}

export type Values<Name extends string> = Readonly<Record<Name, SqliteValue>>;

/** In the text, `:name` stands for the value of that name. */
export function statement<Name extends string, Row = never>(text: string): Statement<Name, Row> {
  const order: Name[] = [];
  const sql = replaceNames(text, (name) => {
    order.push(name as Name);
    return "?";
  });
  return { sql, order };
}
