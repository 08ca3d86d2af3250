import type { RetentionLimits, Sweep } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import type { SteadyClock } from "../../core/time/clock.ts";
import { copyRecord } from "../shared/copy.ts";
import { dropFollowUp } from "../shared/follow-ups.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Claims } from "./claims.ts";
import type { Entry } from "./entry.ts";
import type { User } from "./user.ts";

/** Lets go of what has been kept long enough. It looks only at what is over and at users with something new. */
export class Retention {
  readonly #catalogue: Catalogue;
  readonly #claims: Claims;
  readonly #clock: SteadyClock;
  /** Within these are all users that are not marked as unswept. */
  #kept = { finishedPerUser: Infinity, followUpsPerUser: Infinity };

  constructor(catalogue: Catalogue, claims: Claims, clock: SteadyClock) {
    this.#catalogue = catalogue;
    this.#claims = claims;
    this.#clock = clock;
  }

  sweep(limits: RetentionLimits, limit: number): Sweep {
    const retention = withoutNull(limits);
    const now = this.#clock.monotonic();
    const sweep: Sweep = { expired: [], evicted: 0, more: false };
    this.#claims.endLapsed();
    this.#noteLimits(retention);
    this.#forgetTurns(now - retention.finishedTtlMs);
    for (const step of this.#steps(retention, now)) {
      if (sweep.expired.length + sweep.evicted === limit) return { ...sweep, more: true };
      if (step.action === "expire") {
        sweep.expired.push(this.#expire(step.entry));
      } else {
        this.#catalogue.remove(step.entry);
        sweep.evicted += 1;
      }
    }
    return sweep;
  }

  /** Each step is found only when the one before it has been taken. Expired ones come first: they may be evicted. */
  *#steps(retention: Kept, now: number): Generator<Step> {
    const { done, unswept } = this.#catalogue;
    for (const list of this.#catalogue.pendingLists()) {
      yield* oldest(list, "expire", (entry) => entry.endedAt + retention.followUpTtlMs <= now);
    }
    for (const user of unswept) yield* this.#excess(user, retention);
    yield* oldest(done, "evict", (entry) => entry.endedAt + retention.finishedTtlMs <= now);
  }

  *#excess(user: User, retention: Kept): Generator<Step> {
    const { pending, done } = user;
    yield* oldest(pending, "expire", () => pending.size > retention.followUpsPerUser);
    yield* oldest(done, "evict", () => done.size > retention.finishedPerUser);
    this.#catalogue.unswept.delete(user);
  }

  #forgetTurns(countedUntil: number): void {
    const { turns } = this.#catalogue;
    for (const session of turns.countedUntil(countedUntil)) this.#catalogue.resetTurns(session);
  }

  #expire(entry: Entry): TaskRecord {
    const change = dropFollowUp(entry.record.followUp, "expired", this.#clock.now());
    this.#catalogue.update(entry, () => entry.change(change, this.#clock));
    return copyRecord(entry.record);
  }

  /** Stricter limits than the last time concern every user. */
  #noteLimits({ finishedPerUser, followUpsPerUser }: Kept): void {
    const isStricter =
      finishedPerUser < this.#kept.finishedPerUser || followUpsPerUser < this.#kept.followUpsPerUser;
    if (isStricter) this.#catalogue.markUnswept();
    this.#kept = { finishedPerUser, followUpsPerUser };
  }
}

type Step = { action: "expire" | "evict"; entry: Entry };

type Kept = { [Name in keyof RetentionLimits]: number };

/** The first of a list, again and again, while it is over. */
function* oldest(
  list: { first(): Entry | undefined },
  action: Step["action"],
  isOver: (entry: Entry) => boolean,
): Generator<Step> {
  for (let entry = list.first(); entry && isOver(entry); entry = list.first()) yield { action, entry };
}

function withoutNull(limits: RetentionLimits): Kept {
  return {
    finishedPerUser: limits.finishedPerUser ?? Infinity,
    finishedTtlMs: limits.finishedTtlMs ?? Infinity,
    followUpTtlMs: limits.followUpTtlMs ?? Infinity,
    followUpsPerUser: limits.followUpsPerUser ?? Infinity,
  };
}
