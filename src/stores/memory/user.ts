import { byCreation, byEndAndId, type Created, type Ended, type Entry } from "./entry.ts";
import { SortedList } from "./sorted-list.ts";
import { Workload } from "./workload.ts";

/** All there is of one user. */
export class User {
  readonly id: string;
  readonly tasks = new SortedList<Created, Entry>(byCreation);
  /** Those whose follow-up is pending. */
  readonly pending: SortedList<Ended, Entry> = new SortedList(byEndAndId);
  /** Those that have ended, with nobody left to be told. */
  readonly done: SortedList<Ended, Entry> = new SortedList(byEndAndId);
  /** Those that have not. */
  readonly workload = new Workload();
  claimedSessions: readonly (string | null)[] = [];

  constructor(id: string) {
    this.id = id;
  }
}
