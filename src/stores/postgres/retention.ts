import type { RetentionLimits, Sweep } from "../../core/model/store.ts";
import type { AfterWrite, Written } from "./after-write.ts";
import type { Database } from "./database.ts";
import { toKey } from "./keys.ts";
import type { SweepPlan, UsersToSweep } from "./sweep-plan.ts";

/** Lets go of what has been kept long enough. */
export class Retention {
  readonly #database: Database;
  readonly #after: AfterWrite;
  readonly #plan: SweepPlan;

  constructor(database: Database, after: AfterWrite, plan: SweepPlan) {
    this.#database = database;
    this.#after = after;
    this.#plan = plan;
  }

  async sweep(limits: RetentionLimits, limit: number): Promise<Sweep> {
    const users = this.#plan.next(limits);
    try {
      const answers = await this.#ask(limits, limit, users);
      const { evicted, more, walked_to } = answers.pop() as Summary;
      const expired = (answers as Written[]).map((written) => this.#after.settled(written));
      if (more) this.#plan.putBack(users);
      else this.#plan.finish(users, walked_to);
      return { expired, evicted, more: more || this.#plan.isWalking };
    } catch (error) {
      this.#plan.putBack(users);
      throw error;
    }
  }

  #ask(
    limits: RetentionLimits,
    limit: number,
    { users, walkFrom, stride }: UsersToSweep,
  ): Promise<(Written | Summary)[]> {
    const { finishedPerUser, finishedTtlMs, followUpTtlMs, followUpsPerUser } = limits;
    return this.#database.callAll(SWEEP, [
      finishedPerUser,
      finishedTtlMs,
      followUpTtlMs,
      followUpsPerUser,
      limit,
      JSON.stringify(users.map(toKey)),
      walkFrom,
      stride,
    ]);
  }
}

/** What comes after the expired tasks. */
interface Summary {
  evicted: number;
  more: boolean;
  walked_to: string | null;
}

/**
 * How much is kept: $1 finished tasks of a user, $2 for how long, $3 for how long follow-ups, $4 how many of a user.
 * $5 limit, $6 users as JSON, $7 the user whom the walk has reached, $8 how many users it goes on. Returns what was
 * {@link Written} of each expired follow-up, and then a {@link Summary}.
 */
const SWEEP = "sweep($1, $2, $3, $4, $5, ARRAY(SELECT json_array_elements_text($6)), $7, $8)";
