import type { QueryValue } from "./pool.ts";

/** Values on their way into a statement whose text depends on what is asked for. */
export class Query {
  readonly values: QueryValue[] = [];

  /** What stands for the value in the text. */
  bind(value: QueryValue): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}
