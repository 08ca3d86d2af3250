import { nanoid } from "nanoid";
import type { FollowUpMode } from "../core/model/follow-up.ts";
import type { ClaimFilter, SessionClaim, SessionKey, Settlement, TaskStore } from "../core/model/store.ts";
import type { TaskRecord, TaskScope } from "../core/model/task.ts";
import type { Rooms } from "../core/runtime.ts";
import type { FollowUp } from "./follow-up.ts";
import { Lease } from "./lease.ts";
import { type Reading, readClaim } from "./reading.ts";

/** How a claim is held, and how often a follow-up is tried. */
export interface OutboxTerms {
  readonly leaseMs: number;
  /** Milliseconds after which a claim is let go although nobody has settled it. */
  readonly holdMs: number;
  readonly maxAttempts: number;
}

/** One session's follow-ups in the hands of one delivery. */
export interface Claimed extends Reading {
  readonly scope: TaskScope;
  readonly lease: Lease;
  readonly claim: SessionClaim;
}

type Outcome = Record<string, Settlement>;

/** What becomes of one claimed follow-up. */
export type Verdict = (followUp: FollowUp) => Settlement;

const WAKING: readonly FollowUpMode[] = ["when_idle", "interrupt"];

/** Takes follow-ups out of the store, one session at a time, and settles them. */
export class Outbox {
  readonly #rooms: Rooms;
  readonly #terms: OutboxTerms;
  readonly #claimant = nanoid();

  constructor(rooms: Rooms, terms: OutboxTerms) {
    this.#rooms = rooms;
    this.#terms = terms;
  }

  /**
   * Leases a session and reads its results. Follow-ups that were tried too often are dropped on the way, and
   * those that cannot be read are put off; where that leaves none that gave reason to claim, or takes longer
   * than the lease, `followUps` is empty and the claim is settled already, or will be when the store answers.
   */
  async claim(filter: ClaimFilter): Promise<Claimed | undefined> {
    const { journal } = this.#rooms;
    // An answer that comes too late must not keep the session leased.
    const late = (claim: SessionClaim | undefined) => claim && void this.#giveBack(claim);
    const { leaseMs } = this.#terms;
    const askedAt = this.#rooms.clock.now();
    const claim = await journal.ask<SessionClaim | undefined>(
      "claim",
      (store) => store.claim(this.#claimant, leaseMs, filter),
      late,
    );
    return claim && this.#open(claim, askedAt, filter.modes ?? WAKING);
  }

  /** Settles what was claimed. False: the lease had lapsed, and others may have it now. */
  async settle({ claim, followUps, rest, lease }: Claimed, verdict: Verdict): Promise<boolean> {
    const told = Object.fromEntries(followUps.map((followUp) => [followUp.id, verdict(followUp)]));
    const outcome = { ...rest, ...told };
    try {
      return await this.#write(claim, outcome);
    } finally {
      lease.end();
    }
  }

  async resetTurns(session: SessionKey): Promise<void> {
    await this.#rooms.journal.ask("resetTurns", (store) => store.resetTurns(session));
  }

  async #open(claim: SessionClaim, askedAt: number, modes: readonly FollowUpMode[]): Promise<Claimed> {
    const { leaseMs, holdMs, maxAttempts } = this.#terms;
    const lease = new Lease(claim, askedAt, this.#rooms, leaseMs, holdMs);
    const reading = await readClaim(claim, modes, maxAttempts, this.#rooms.queries);
    // While it was read the claim may have been lost.
    const followUps = lease.isLost ? [] : reading.followUps;
    const claimed = { ...reading, followUps, scope: scopeOf(claim), lease, claim };
    if (followUps.length > 0) return claimed;
    const settled = this.settle(claimed, () => ({ type: "acknowledge" }));
    // Nobody waits for a store that has just failed: it is asked until it answers, and a turn may be waiting.
    if (reading.failure === undefined) await settled;
    else settled.catch(() => undefined);
    return claimed;
  }

  async #giveBack(claim: SessionClaim): Promise<void> {
    await this.#write(claim, {}).catch(() => undefined);
  }

  async #write(claim: SessionClaim, outcome: Outcome): Promise<boolean> {
    let tries = 0;
    const write = (store: TaskStore) => {
      tries += 1;
      return store.settle(claim, outcome);
    };
    const answer = await this.#rooms.journal.insist("settle", write);
    const records = answer ?? (tries > 1 ? await this.#readBack(claim, outcome) : undefined);
    for (const record of records ?? []) this.#publish(record);
    return records !== undefined;
  }

  /** An earlier try may have been written, and only its answer lost: then things stand as they should. */
  async #readBack({ tasks }: SessionClaim, outcome: Outcome): Promise<TaskRecord[] | undefined> {
    const read = (task: TaskRecord) =>
      this.#rooms.journal.insist("get", (store) => store.get(scopeOf(task), task.id));
    const records = await Promise.all(tasks.map(read));
    const written = records.flatMap((record) =>
      record && isWritten(record, outcome[record.id]) ? record : [],
    );
    return written.length > 0 ? written : undefined;
  }

  #publish(record: TaskRecord): void {
    const { status, reason } = record.followUp;
    const at = record.updatedAt;
    if (status === "delivered") this.#rooms.hub.publish(record, [{ at, type: "follow_up.delivered" }]);
    if (status === "dropped" && reason !== null) {
      this.#rooms.hub.publish(record, [{ at, type: "follow_up.dropped", reason }]);
    }
  }
}

/** The session of a scope; without one, the user's tasks that have none. */
export function sessionOf({
  userId,
  sessionId = null,
}: {
  userId: string;
  sessionId?: string | null | undefined;
}): SessionKey {
  return { userId, sessionId };
}

function scopeOf({ userId, sessionId }: SessionKey): TaskScope {
  return sessionId === null ? { userId } : { userId, sessionId };
}

/** Whether a settlement has ended a follow-up for good. One that made it due again leaves no trace. */
function isWritten({ followUp }: TaskRecord, settlement: Settlement | undefined): boolean {
  if (settlement?.type === "acknowledge") return followUp.status === "delivered";
  return (
    settlement?.type === "drop" && followUp.status === "dropped" && followUp.reason === settlement.reason
  );
}
