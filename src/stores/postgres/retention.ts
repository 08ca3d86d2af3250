import type { RetentionLimits, Sweep } from "../../core/model/store.ts";
import type { Change, Changes } from "./changes.ts";
import type { Database } from "./database.ts";
import { toKey } from "./keys.ts";
import type { Round, Rounds } from "./rounds.ts";

/** Lets go of what has been kept long enough. */
export class Retention {
  readonly #database: Database;
  readonly #changes: Changes;
  readonly #rounds: Rounds;

  constructor(database: Database, changes: Changes, rounds: Rounds) {
    this.#database = database;
    this.#changes = changes;
    this.#rounds = rounds;
  }

  async sweep(limits: RetentionLimits, limit: number): Promise<Sweep> {
    const round = this.#rounds.begin(limits);
    try {
      const answers = await this.#ask(limits, limit, round);
      const { evicted, more, walked_to } = answers.pop() as Summary;
      const expired = (answers as Change[]).map((change) => this.#changes.settled(change));
      // With more to do, it was not done with these users.
      if (more) this.#rounds.undo(round);
      else this.#rounds.end(round, walked_to);
      return { expired, evicted, more: more || this.#rounds.isWalking };
    } catch (error) {
      this.#rounds.undo(round);
      throw error;
    }
  }

  #ask(
    limits: RetentionLimits,
    limit: number,
    { users, walkFrom, stride }: Round,
  ): Promise<(Change | Summary)[]> {
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

const SWEEP = "sweep($1, $2, $3, $4, $5, ARRAY(SELECT json_array_elements_text($6)), $7, $8)";
