import { byCompletion, byCreation, type Completed, type Created, type Entry } from "./entry.ts";
import { SortedList } from "./sorted-list.ts";
import { Workload } from "./workload.ts";

/** All there is of one user. */
export class User {
  readonly id: string;
  readonly tasks = new SortedList<Created, Entry>(byCreation);
  /** Those whose follow-up is pending. */
  readonly pending: SortedList<Completed, Entry> = new SortedList(byCompletion);
  /** Those that have ended, with nobody left to be told. */
  readonly done: SortedList<Completed, Entry> = new SortedList(byCompletion);
  /** Those that have not. */
  readonly workload = new Workload();

  constructor(id: string) {
    this.id = id;
  }
}
