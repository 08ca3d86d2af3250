import type { Notices } from "../ledger/notices.ts";
import type { StoreReader } from "../ledger/store-gateway.ts";
import type { Changes } from "../model/changes.ts";
import { type Clock, Timer } from "../time/clock.ts";
import { type UserListener, UserTasks } from "./user-tasks.ts";
import { type Asked, askedOf, type WatchedTask } from "./watched-tasks.ts";

/**
 * The floor under hints: looks at the store every second for all that is watched, in as few calls as it takes, and at
 * once when hints were missed.
 */
export class Poller {
  readonly #clock: Clock;
  readonly #gateway: StoreReader;
  readonly #notices: Notices;
  readonly #tasks = new Set<WatchedTask>();
  readonly #users = new Map<string, UserTasks>();
  #areTasksDue = false;
  #ticks = 0;
  #isLooking = false;
  #isClosed = false;
  #timer: Timer | undefined;
  #stopMissed: (() => void) | undefined;

  constructor({ clock, gateway, notices }: PollerParts) {
    this.#clock = clock;
    this.#gateway = gateway;
    this.#notices = notices;
  }

  /** Returns how to stop. */
  watchTask(task: WatchedTask): () => void {
    this.#tasks.add(task);
    this.#begin();
    return () => {
      this.#tasks.delete(task);
      this.#endUnlessWanted();
    };
  }

  /** The tasks of a user, which `listener` leaves by `leaveUser`. */
  joinUser(userId: string, listener: UserListener): UserTasks {
    const user = this.#users.get(userId) ?? new UserTasks(userId);
    this.#users.set(userId, user);
    user.join(listener);
    this.#begin();
    void this.#look();
    return user;
  }

  /** A look at this user, now. */
  lookAgain(user: UserTasks): void {
    user.isDue = true;
    void this.#look();
  }

  leaveUser(user: UserTasks, listener: UserListener): void {
    user.leave(listener);
    if (user.isFollowed || this.#users.get(user.userId) !== user) return;
    this.#users.delete(user.userId);
    this.#endUnlessWanted();
  }

  close(): void {
    this.#isClosed = true;
    this.#end();
  }

  #begin(): void {
    if (this.#timer !== undefined || this.#isClosed) return;
    this.#stopMissed = this.#notices.onMissed(() => this.#lookAtAll());
    this.#await();
  }

  #await(): void {
    this.#timer = new Timer(this.#clock, () => this.#tick(), TICK_MS).unref();
  }

  #endUnlessWanted(): void {
    if (this.#tasks.size + this.#users.size === 0) this.#end();
  }

  #end(): void {
    this.#timer?.clear();
    this.#timer = undefined;
    this.#stopMissed?.();
  }

  #tick(): void {
    this.#await();
    this.#ticks += 1;
    this.#areTasksDue = true;
    if (this.#ticks % USER_TICKS === 0) this.#lookAtAll();
    else void this.#look();
  }

  #lookAtAll(): void {
    this.#areTasksDue = true;
    for (const user of this.#users.values()) user.isDue = true;
    void this.#look();
  }

  /** One look at a time; what becomes due meanwhile comes with the next. A store that fails is asked with the next tick. */
  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    // Who begins at the same moment shares the look.
    await undefined;
    try {
      for (let asked = this.#take(); asked.length > 0; asked = this.#take()) await this.#askAll(asked);
    } catch {
      // The gateway has told of it.
    } finally {
      this.#isLooking = false;
    }
  }

  #take(): Asked[] {
    if (this.#isClosed) return [];
    const asked = this.#areTasksDue ? askedOf(this.#tasks, LIMIT) : [];
    this.#areTasksDue = false;
    for (const user of this.#users.values()) if (user.isDue) asked.push(user.look());
    return asked;
  }

  async #askAll(asked: readonly Asked[]): Promise<void> {
    let left = asked;
    try {
      while (left.length > 0) {
        const batch = batchOf(left);
        const queries = batch.map(({ query }) => query);
        const answers = await this.#gateway.ask("changes", (store) => store.changes(queries, LIMIT));
        left = left.slice(batch.length);
        for (const [index, { told }] of batch.entries()) told(answers[index] ?? NOTHING);
      }
    } catch (error) {
      for (const { failed } of left) failed();
      throw error;
    }
  }
}

export interface PollerParts {
  readonly clock: Clock;
  readonly gateway: StoreReader;
  readonly notices: Notices;
}

/** Milliseconds between two looks at a task that is watched. */
const TICK_MS = 1_000;
/** So many of them are between two looks at a user. */
const USER_TICKS = 8;
/** Known tasks and users in one call, about, and other tasks in one answer. */
const LIMIT = 1_000;

const NOTHING: Changes = { tasks: [], gone: [], more: false, next: 0 };

/** As many as make one call: at least one. */
function batchOf(asked: readonly Asked[]): readonly Asked[] {
  let size = 0;
  const end = asked.findIndex(({ query }, index) => {
    size += 1 + query.known.length;
    return index > 0 && size > 2 * LIMIT;
  });
  return end === -1 ? asked : asked.slice(0, end);
}
