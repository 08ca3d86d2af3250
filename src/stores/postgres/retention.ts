import type { RetentionLimits, Sweep } from "../../core/model/store.ts";
import type { AfterWrite, Written } from "./after-write.ts";
import type { Database } from "./database.ts";
import { toKey } from "./keys.ts";
import { call } from "./statement.ts";
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
      const expired = await this.#after.settled(answers as Written[]);
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
    const kept = { finishedPerUser, finishedTtlMs, followUpTtlMs, followUpsPerUser };
    const whom = { users: JSON.stringify(users.map(toKey)), walkFrom, stride };
    return this.#database.askAll(SWEEP, { ...kept, limit, ...whom });
  }
}

/** What comes after the expired tasks. */
interface Summary {
  evicted: number;
  more: boolean;
  walked_to: string | null;
}

/** What was written of each expired follow-up, and then the summary; `users` are a list as JSON. */
const SWEEP = call<keyof RetentionLimits | "limit" | keyof UsersToSweep, Written | Summary>(
  `sweep(:finishedPerUser, :finishedTtlMs, :followUpTtlMs, :followUpsPerUser, :limit,
    ARRAY(SELECT json_array_elements_text(:users)), :walkFrom, :stride)`,
);
