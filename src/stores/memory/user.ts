import { byCreation, byEnd, type Created, type Entry } from "./entry.ts";
import type { ByEnd } from "./pending.ts";
import { SortedList } from "./sorted-list.ts";

/** All there is of one user. */
export class User {
  readonly id: string;
  readonly tasks = new SortedList<Created, Entry>(byCreation);
  /** Those whose follow-up is pending. */
  readonly pending: ByEnd = new SortedList(byEnd);
  /** Those that have ended, with nobody left to be told. */
  readonly done: ByEnd = new SortedList(byEnd);
  claimedSessions: readonly (string | null)[] = [];

  constructor(id: string) {
    this.id = id;
  }
}
