import { isOutstanding } from "../../core/follow-up.ts";
import { inScope, isFinished, type TaskRecord, type TaskScope } from "../../core/task.ts";
import { byCompletion, byCreation, type Completed, type Created, type Entry } from "./entry.ts";
import { SortedList } from "./sorted-list.ts";
import { Workloads } from "./workload.ts";

type ByCompletion = SortedList<Completed, Entry>;

/** Anything a task is filed in. */
interface Shelf {
  add(entry: Entry): void;
  delete(entry: Entry): void;
}

/** All there is of one user. */
export class User {
  readonly id: string;
  readonly tasks = new SortedList<Created, Entry>(byCreation);
  /** Those whose follow-up waits to be delivered. */
  readonly pending: ByCompletion = new SortedList(byCompletion);
  /** Those that have ended, with nobody left to be told. */
  readonly done: ByCompletion = new SortedList(byCompletion);
  leasedSessions: readonly (string | null)[] = [];

  constructor(id: string) {
    this.id = id;
  }
}

/**
 * Every task, filed by what it takes to find it. A task is on the shelves of exactly one of these states:
 * unfinished, pending (its follow-up waits), claimed (it is being delivered; on no shelf), or done.
 */
export class Catalogue {
  readonly unfinished = new Set<Entry>();
  readonly workloads = new Workloads();
  readonly pending = {
    when_idle: new SortedList<Completed, Entry>(byCompletion),
    interrupt: new SortedList<Completed, Entry>(byCompletion),
    silent: new SortedList<Completed, Entry>(byCompletion),
  };
  readonly done: ByCompletion = new SortedList(byCompletion);
  /** Users of whom something has become pending or done since the last sweep. */
  readonly unswept = new Set<User>();
  readonly #entries = new Map<string, Entry>();
  readonly #users = new Map<string, User>();
  readonly #changed: (record: TaskRecord, firstSeq: number) => void;

  /** `changed` is told the new record after each write, and the number of the first event it added. */
  constructor(changed: (record: TaskRecord, firstSeq: number) => void) {
    this.#changed = changed;
  }

  get(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  find(scope: TaskScope, id: string): Entry | undefined {
    const entry = this.get(id);
    return entry && inScope(entry.record, scope) ? entry : undefined;
  }

  /** The user, who may be new and have nothing yet. */
  user(id: string): User {
    return this.#users.get(id) ?? new User(id);
  }

  markUnswept(): void {
    for (const user of this.#users.values()) this.unswept.add(user);
  }

  add(entry: Entry): void {
    const user = this.user(entry.record.userId);
    this.#users.set(user.id, user);
    this.#entries.set(entry.id, entry);
    user.tasks.add(entry);
    this.#file(entry);
    this.#changed(entry.record, 1);
  }

  /** Every write goes through here, so that no shelf keeps what a task was before. */
  update(entry: Entry, write: () => void): void {
    const firstSeq = entry.record.lastSeq + 1;
    this.refile(entry, write);
    this.#changed(entry.record, firstSeq);
  }

  /** For what changes a task's place and not its record. */
  refile(entry: Entry, change: () => void): void {
    this.#unfile(entry);
    change();
    this.#file(entry);
  }

  remove(entry: Entry): void {
    const user = this.user(entry.record.userId);
    this.#unfile(entry);
    user.tasks.delete(entry);
    this.#entries.delete(entry.id);
    this.tidy(user);
  }

  /** Forgets a user who has nothing left. */
  tidy(user: User): void {
    if (user.tasks.size === 0 && user.leasedSessions.length === 0) this.#users.delete(user.id);
  }

  #file(entry: Entry): void {
    for (const shelf of this.#shelvesOf(entry)) shelf.add(entry);
    if (isFinished(entry.record.status)) this.unswept.add(this.user(entry.record.userId));
  }

  #unfile(entry: Entry): void {
    for (const shelf of this.#shelvesOf(entry)) shelf.delete(entry);
  }

  #shelvesOf(entry: Entry): Shelf[] {
    if (!isFinished(entry.record.status)) return [this.unfinished, this.workloads];
    const user = this.user(entry.record.userId);
    if (!isOutstanding(entry.record.followUp)) return [this.done, user.done];
    return entry.isClaimed ? [] : [this.pending[entry.followUpMode], user.pending];
  }
}
