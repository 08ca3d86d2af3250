import { isOutstanding } from "../../core/model/follow-up.ts";
import type { SessionKey } from "../../core/model/session-claim.ts";
import type { TaskKey } from "../../core/model/store.ts";
import { inScope, isFinished, type TaskRecord, type TaskScope } from "../../core/model/task.ts";
import { SortedList } from "../../core/values/sorted-list.ts";
import { byEnd, type Entry } from "./entry.ts";
import { HeldBack } from "./held-back.ts";
import { type ByEnd, Pending } from "./pending.ts";
import { Turns } from "./turns.ts";
import { User } from "./user.ts";

/**
 * Every task, filed by what it takes to find it. It is in exactly one of these indexes: unfinished,
 * pending or held back (its follow-up is to be delivered, now or later), claimed (it is being delivered, and its claim lists it), or done.
 */
export class Catalogue {
  readonly unfinished = new Set<Entry>();
  readonly turns = new Turns();
  readonly pending = new Pending(this.turns);
  readonly heldBack = new HeldBack();
  readonly done: ByEnd = new SortedList(byEnd);
  /** Users of whom something has become pending or done since the last sweep. */
  readonly unswept = new Set<User>();
  readonly #entries = new Map<string, Entry>();
  readonly #users = new Map<string, User>();
  #ended = 0;
  readonly #changed: (record: TaskRecord, firstSeq: number) => void;

  /** `changed` is told the new record after each write, and the number of the first event it added. */
  constructor(changed: (record: TaskRecord, firstSeq: number) => void) {
    this.#changed = changed;
  }

  get(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  named({ userId, id }: TaskKey): Entry | undefined {
    const entry = this.get(id);
    return entry?.record.userId === userId ? entry : undefined;
  }

  find(scope: TaskScope, id: string): Entry | undefined {
    const entry = this.get(id);
    return entry && inScope(entry.record, scope) ? entry : undefined;
  }

  /** The user, who may be new and have nothing yet. */
  user(id: string): User {
    return this.#users.get(id) ?? new User(id);
  }

  /** The pending follow-ups of a session, the first to end first. */
  pendingOf({ userId, sessionId }: SessionKey): Entry[] {
    return this.user(userId).sessions.pendingIn(sessionId);
  }

  /** The pending follow-ups of everybody, in lists whose first has ended first. */
  pendingLists(): ByEnd[] {
    return [...this.pending.lists(), this.heldBack.byEnd];
  }

  markUnswept(): void {
    for (const user of this.#users.values()) this.unswept.add(user);
  }

  add(entry: Entry): void {
    const user = this.user(entry.record.userId);
    this.#users.set(user.id, user);
    this.#entries.set(entry.id, entry);
    user.tasks.add(entry);
    if (entry.idempotencyKey !== undefined) user.byIdempotencyKey.set(entry.idempotencyKey, entry);
    this.#file(entry);
    this.#changed(entry.record, 1);
  }

  /** Every transition goes through here, so that no index keeps what a task was before. */
  update(entry: Entry, write: () => void): void {
    const firstSeq = entry.record.lastSeq + 1;
    this.refile(entry, write);
    this.#changed(entry.record, firstSeq);
  }

  /** For what is logged without a transition: no index looks at that. */
  append(entry: Entry, write: () => void): void {
    const firstSeq = entry.record.lastSeq + 1;
    write();
    this.#changed(entry.record, firstSeq);
  }

  /** For what changes where a task is filed, and not its record. */
  refile(entry: Entry, change: () => void): void {
    this.#unfile(entry);
    change();
    this.#file(entry);
  }

  /** Delays that are over by now hold nothing back any more. */
  endDelays(now: number): void {
    for (let entry = this.heldBack.firstDue(now); entry; entry = this.heldBack.firstDue(now)) {
      const due = entry;
      this.refile(due, () => due.nowDue());
    }
  }

  /** Nobody is to claim a session that is taken. */
  setTaken(session: SessionKey, isTaken: boolean): void {
    const user = this.user(session.userId);
    this.#users.set(user.id, user);
    this.#refileSession(session, () => user.sessions.setTaken(session.sessionId, isTaken));
    this.tidy(user);
  }

  countTurn(session: SessionKey, now: number): void {
    this.#refileSession(session, () => this.turns.count(session, now));
  }

  resetTurns(session: SessionKey): void {
    this.#refileSession(session, () => this.turns.reset(session));
  }

  remove(entry: Entry): void {
    const user = this.user(entry.record.userId);
    this.#unfile(entry);
    user.tasks.delete(entry);
    if (entry.idempotencyKey !== undefined) user.byIdempotencyKey.delete(entry.idempotencyKey);
    this.#entries.delete(entry.id);
    this.tidy(user);
  }

  /** Forgets a user who has nothing left. */
  tidy(user: User): void {
    if (user.tasks.size === 0 && user.sessions.size === 0) this.#users.delete(user.id);
  }

  /** For what changes a session, by which its follow-ups are filed. */
  #refileSession(session: SessionKey, change: () => void): void {
    const entries = this.pendingOf(session);
    for (const entry of entries) this.#unfile(entry);
    change();
    for (const entry of entries) this.#file(entry);
  }

  #file(entry: Entry): void {
    const isEnded = isFinished(entry.record.status);
    if (isEnded && entry.endOrder === 0) entry.endOrder = ++this.#ended;
    for (const index of this.#indexesOf(entry)) index.add(entry);
    if (isEnded) this.unswept.add(this.user(entry.record.userId));
  }

  #unfile(entry: Entry): void {
    for (const index of this.#indexesOf(entry)) index.delete(entry);
  }

  #indexesOf(entry: Entry): Index[] {
    const user = this.user(entry.record.userId);
    if (!isFinished(entry.record.status)) return [this.unfinished, user.unfinished, user.workload];
    if (!isOutstanding(entry.record.followUp)) return [this.done, user.done];
    if (entry.isClaimed) return [user.claimed];
    const isHeldBack = entry.isDelayed || user.sessions.isTaken(entry.record.sessionId);
    return [isHeldBack ? this.heldBack : this.pending, user.pending, user.sessions];
  }
}

/** Anything a task is filed in. */
interface Index {
  add(entry: Entry): void;
  delete(entry: Entry): void;
}
