import type { RetentionLimits } from "../../core/model/store.ts";

/** Whom one sweep looks at: some users by name, and the next ones on the walk. */
export interface UsersToSweep {
  users: string[];
  /** The key of the user that the walk has reached. */
  walkFrom: string;
  /** How many users it goes on. */
  stride: number;
}

/**
 * Whose tasks may be too many: of all users, those for whom something has ended in this process. Others have
 * been written for elsewhere, and maybe by a process that has died, or are above a limit that has become
 * stricter: for them it walks through all users, at the start and again now and then.
 */
export class SweepPlan {
  #unswept = new Set<string>();
  #walkFrom: string | undefined;
  #walksAgainAt = Number.NEGATIVE_INFINITY;
  #kept = { finishedPerUser: 0, followUpsPerUser: 0 };

  get isWalking(): boolean {
    return this.#walkFrom !== undefined;
  }

  /** A task of this user has ended, or its follow-up has. */
  note(userId: string): void {
    this.#unswept.add(userId);
    if (this.#unswept.size <= MAX_USERS) return;
    this.#unswept.clear();
    this.#walk();
  }

  next({ finishedPerUser, followUpsPerUser }: RetentionLimits): UsersToSweep {
    const kept = {
      finishedPerUser: finishedPerUser ?? Infinity,
      followUpsPerUser: followUpsPerUser ?? Infinity,
    };
    const isStricter =
      kept.finishedPerUser < this.#kept.finishedPerUser ||
      kept.followUpsPerUser < this.#kept.followUpsPerUser;
    this.#kept = kept;
    if (isStricter || performance.now() >= this.#walksAgainAt) this.#walk();
    // Nobody comes before a walk's first step, but a user without a name would.
    const users = [...this.#unswept, ...(this.#walkFrom === "" ? [""] : [])];
    this.#unswept.clear();
    return { users, walkFrom: this.#walkFrom ?? "", stride: this.isWalking ? STRIDE : 0 };
  }

  /** They were swept. `walkedTo: null`: the walk has met all users. */
  finish({ walkFrom, stride }: UsersToSweep, walkedTo: string | null): void {
    // Another sweep may have gone on meanwhile, or begun anew.
    if (stride > 0 && walkFrom === this.#walkFrom) this.#walkFrom = walkedTo ?? undefined;
  }

  /** They were not swept, or not to the end: the next sweep looks at them again. */
  putBack({ users }: UsersToSweep): void {
    for (const user of users) this.#unswept.add(user);
  }

  #walk(): void {
    this.#walkFrom = "";
    this.#walksAgainAt = performance.now() + WALK_EVERY_MS;
  }
}

const STRIDE = 500;
/** Milliseconds from the start of one walk to the next. */
const WALK_EVERY_MS = 600_000;
const MAX_USERS = 10_000;
