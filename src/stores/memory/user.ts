import { SortedList } from "../../core/values/sorted-list.ts";
import { byCompletion, byCreation, type Completed, type Created, type Entry } from "./entry.ts";
import { Sessions } from "./sessions.ts";
import { Workload } from "./workload.ts";

/** All there is of one user. */
export class User {
  readonly id: string;
  readonly tasks = new SortedList<Created, Entry>(byCreation);
  /** Those whose follow-up is pending. */
  readonly pending: SortedList<Completed, Entry> = new SortedList(byCompletion);
  /** Those that have ended, with nobody left to be told. */
  readonly done: SortedList<Completed, Entry> = new SortedList(byCompletion);
  /** Those that have not, counted. */
  readonly workload = new Workload();
  readonly unfinished = new Set<Entry>();
  /** Those whose follow-up a claim has. */
  readonly claimed = new Set<Entry>();
  readonly sessions = new Sessions();
  readonly byIdempotencyKey = new Map<string, Entry>();

  constructor(id: string) {
    this.id = id;
  }
}
