import { nanoid } from "nanoid";
import type { SessionClaims } from "../core/ledger/session-claims.ts";
import type { FollowUpMode } from "../core/model/follow-up.ts";
import type {
  ClaimFilter,
  Held,
  Hold,
  SessionClaim,
  SessionKey,
  Settlement,
} from "../core/model/session-claim.ts";
import type { TaskScope } from "../core/model/task.ts";
import type { Queries } from "../core/reading/queries.ts";
import type { SteadyClock } from "../core/time/clock.ts";
import { type Moment, momentOf } from "../core/time/moment.ts";
import type { FollowUp } from "./follow-up.ts";
import { Lease } from "./lease.ts";
import { hasReason, readClaimed } from "./read-claim.ts";

/** How a claim is held, and how often a follow-up is tried. */
export interface OutboxTerms {
  readonly leaseMs: number;
  /** Milliseconds after which a claim is let go although nobody has settled it. */
  readonly holdMs: number;
  readonly maxAttempts: number;
}

/** One session in the hands of one turn. */
export interface Claimed {
  readonly scope: TaskScope;
  readonly lease: Lease;
  readonly claim: SessionClaim;
  /** What it began with. Empty where nothing is left that gave reason to claim: it is settled then. */
  readonly followUps: readonly FollowUp[];
  /** Those of it, and of what was taken in since, that are not settled. */
  readonly open: Map<string, FollowUp>;
  /** Those that somebody else has taken into the turn. What they have not settled by its end comes again. */
  readonly lent: Map<string, FollowUp>;
  /** What is to become of those of which the store has not answered yet. */
  readonly settling: Map<string, Settlement>;
  /** What becomes of those that nobody is told of now. */
  readonly rest: Map<string, Settlement>;
  /** Why a result could not be read. */
  readonly failure: unknown;
}

/** What becomes of one claimed follow-up. */
export type Verdict = (followUp: FollowUp) => Settlement;

/**
 * Takes follow-ups out of the store, one session at a time, and settles them. A session that was claimed is in hand
 * until it is let go of: no outbox of this manager gets it meanwhile.
 */
export class Outbox {
  readonly #parts: OutboxParts;
  readonly #terms: OutboxTerms;
  readonly #claimant = nanoid();
  readonly #leases = new Set<Lease>();
  #claims = 0;
  /** The last that was waited for. */
  #pass: Promise<void> | undefined;

  constructor(parts: OutboxParts, terms: OutboxTerms) {
    this.#parts = parts;
    this.#terms = terms;
  }

  /**
   * Leases a session and reads its results. Follow-ups that were tried too often are dropped on the way, and
   * those that cannot be read are put off; where that leaves none that gave reason to claim, or takes longer
   * than the lease, `followUps` is empty and the claim is settled already, or will be when the store answers.
   */
  async claim(filter: ClaimFilter): Promise<Claimed | undefined> {
    const { clock, claims } = this.#parts;
    await this.#letOthersWork();
    await this.#confirmLeases();
    const asked = momentOf(clock);
    const claim = await claims.claim(this.#claimant, this.#terms, filter);
    return claim && this.#openIfReason(claim, asked, filter.modes ?? WAKING);
  }

  /** Leases a session for a turn that needs nothing to wait there, and reads what does. @throws `store_failed` */
  async hold(session: SessionKey, hold: Hold): Promise<Claimed | Held> {
    const { clock, claims } = this.#parts;
    await this.#confirmLeases();
    const asked = momentOf(clock);
    const answer = await claims.hold(this.#claimant, this.#terms, session, hold);
    return "heldBy" in answer ? answer : this.#open(answer, asked, hold.by === "user");
  }

  /** Takes in what is due by now, if anything of these modes is. Whoever hands it on opens it. @throws `store_failed` */
  async extend(claimed: Claimed, modes: readonly FollowUpMode[]): Promise<readonly FollowUp[]> {
    const { claims, queries } = this.#parts;
    const records = await claims.extend(claimed.claim, modes, MAX_HOLDS);
    const { followUps, rest } = await readClaimed(records ?? [], this.#terms.maxAttempts, queries);
    for (const [id, settlement] of Object.entries(rest)) claimed.rest.set(id, settlement);
    return followUps;
  }

  isHeld(session: SessionKey): boolean {
    return this.#parts.claims.isHeld(session);
  }

  /** Nobody here is at work on it any more. */
  letGo({ claim, lease }: Claimed): void {
    this.#leases.delete(lease);
    this.#parts.claims.letGo(claim);
  }

  /** Settles what was claimed, and lets go of it. */
  async close(claimed: Claimed, verdict: Verdict): Promise<boolean> {
    try {
      return await this.settle(claimed, verdict);
    } finally {
      this.letGo(claimed);
    }
  }

  /** Settles what was claimed. False: the lease had lapsed, and others may have it now. */
  async settle(
    { claim, open, settling, rest, lease }: Claimed,
    verdict: Verdict,
    retrying?: () => void,
  ): Promise<boolean> {
    const told = [...open.values()].map((followUp) => [followUp.id, verdict(followUp)] as const);
    open.clear();
    // What is being settled may reach the store later than this.
    const outcome = Object.fromEntries([...rest, ...settling, ...told]);
    try {
      return await this.#parts.claims.settle(claim, outcome, false, retrying);
    } finally {
      lease.end();
    }
  }

  /** Settles some of it, and keeps the session. False: nothing of it was open, or the lease had lapsed. */
  async settleSome(claimed: Claimed, some: readonly FollowUp[], verdict: Verdict): Promise<boolean> {
    const { claim, open, lent, settling } = claimed;
    const told = some.filter(({ id }) => open.delete(id) || lent.delete(id));
    if (told.length === 0) return false;
    const verdicts = told.map((followUp) => [followUp.id, verdict(followUp)] as const);
    for (const [id, settlement] of verdicts) settling.set(id, settlement);
    const isSettled = await this.#parts.claims.settle(claim, Object.fromEntries(verdicts), true);
    for (const { id } of told) settling.delete(id);
    return isSettled;
  }

  resetTurns(session: SessionKey): Promise<void> {
    return this.#parts.claims.resetTurns(session);
  }

  /** A store in memory answers at once: however much there is to claim, a pass of the event loop comes in between. */
  async #letOthersWork(): Promise<void> {
    this.#claims += 1;
    if (this.#claims % CLAIMS_PER_PASS === 0) {
      this.#pass = new Promise((passed) => this.#parts.clock.nextPass(passed));
    }
    await this.#pass;
  }

  /** Before anything else is begun: where the machine has slept, others may have what is in hand here. */
  async #confirmLeases(): Promise<void> {
    const doubtful = [...this.#leases].filter((lease) => lease.isDoubtful);
    await Promise.all(doubtful.map((lease) => lease.confirm()));
  }

  async #openIfReason(claim: SessionClaim, asked: Moment, modes: readonly FollowUpMode[]): Promise<Claimed> {
    const claimed = await this.#open(claim, asked, false);
    const { lease, failure } = claimed;
    // While it was read the claim may have been lost.
    await lease.confirm();
    const isSound = !lease.isLost && !lease.isDoubtful;
    if (isSound && hasReason(claimed, claim.tasks, modes)) return claimed;
    const settled = this.close(claimed, () => ({ type: "defer", delayMs: 0 }));
    // Nobody waits for a store that has just failed: it is asked until it answers, and a turn may be waiting.
    if (failure === undefined) await settled;
    else settled.catch(() => undefined);
    return { ...claimed, followUps: [] };
  }

  async #open(claim: SessionClaim, asked: Moment, isPatient: boolean): Promise<Claimed> {
    const { maxAttempts } = this.#terms;
    const lease = new Lease(claim, asked, this.#parts, { ...this.#terms, isPatient });
    this.#leases.add(lease);
    const { followUps, rest, failure } = await readClaimed(claim.tasks, maxAttempts, this.#parts.queries);
    const open = new Map(followUps.map((followUp) => [followUp.id, followUp]));
    return {
      scope: scopeOf(claim),
      lease,
      claim,
      followUps,
      open,
      lent: new Map(),
      settling: new Map(),
      rest: new Map(Object.entries(rest)),
      failure,
    };
  }
}

/** Turns of the user that a follow-up may spoil. After that it is told by the library's own. */
export const MAX_HOLDS = 3;
/** Claims of one outbox between two passes of the event loop. */
const CLAIMS_PER_PASS = 16;
const WAKING: readonly FollowUpMode[] = ["when_idle", "interrupt"];

interface OutboxParts {
  readonly clock: SteadyClock;
  readonly claims: SessionClaims;
  readonly queries: Queries;
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

export function scopeOf({ userId, sessionId }: SessionKey): TaskScope {
  return sessionId === null ? { userId } : { userId, sessionId };
}
