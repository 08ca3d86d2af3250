import { byCompletion, byCreation, type Created, type Entry } from "./entry.ts";
import type { ByCompletion } from "./pending.ts";
import { SortedList } from "./sorted-list.ts";

/** All there is of one user. */
export class User {
  readonly id: string;
  readonly tasks = new SortedList<Created, Entry>(byCreation);
  /** Those whose follow-up is pending. */
  readonly pending: ByCompletion = new SortedList(byCompletion);
  /** Those that have ended, with nobody left to be told. */
  readonly done: ByCompletion = new SortedList(byCompletion);
  claimedSessions: readonly (string | null)[] = [];

  constructor(id: string) {
    this.id = id;
  }
}
