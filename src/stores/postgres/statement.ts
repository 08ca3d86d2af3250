import { replaceNames } from "../shared/named-places.ts";
import type { Names } from "./names.ts";
import type { QueryValue } from "./pool.ts";

/** A statement with the names of the values that it takes, and the row that it returns. */
export interface Statement<Name extends string, Row = never> {
  text(names: Names): string;
  /** Never there: it only has the types of the values and of a row. */
  readonly types?: [Name, Row];
}

export type Values<Name extends string> = Readonly<Record<Name, QueryValue>>;

/** A statement as PostgreSQL takes it: its values by their numbers. */
export interface Query<Name extends string = string> {
  readonly text: string;
  readonly order: readonly Name[];
}

/** In the text, `:name` stands for the value of that name. */
export function statement<Name extends string, Row = never>(
  text: (names: Names) => string,
): Statement<Name, Row> {
  return { text };
}

/** Calls a function of the migrations. What it returns is JSON, an `answer` in each row. */
export function call<Name extends string, Answer>(call: string): Statement<Name, AnswerRow<Answer>> {
  return { text: ({ schema }) => `SELECT ${schema}.${call}::text AS answer` };
}

/** A row that has its answer as JSON text. */
export interface AnswerRow<Answer> {
  answer: string;
  /** Never there: it only has the type of what the text is parsed to. */
  parsed?: Answer;
}

export function toQuery<Name extends string>(text: string): Query<Name> {
  const order: Name[] = [];
  const numberOf = (name: Name) => order.indexOf(name) + 1 || order.push(name);
  return { text: replaceNames(text, (name) => `$${numberOf(name as Name)}`), order };
}

export function inOrder<Name extends string>({ order }: Query<Name>, values: Values<Name>): QueryValue[] {
  return order.map((name) => values[name]);
}
