import type { NewTaskEvent } from "../model/events.ts";
import type { FollowUpMode } from "../model/follow-up.ts";
import type {
  ClaimFilter,
  ClaimKey,
  Held,
  Hold,
  Prolonged,
  SessionClaim,
  SessionKey,
  Settlement,
  Settlements,
  TurnBy,
} from "../model/session-claim.ts";
import type { TaskStore } from "../model/store.ts";
import type { TaskRecord } from "../model/task.ts";
import type { HeldSessions } from "./held-sessions.ts";
import type { Notices } from "./notices.ts";
import type { StoreGateway } from "./store-gateway.ts";

/** The one door for writes of follow-ups: sessions are claimed, and what came of it is settled and made known. */
export class SessionClaims {
  /** The dispatchers that are started here. */
  readonly dispatchers = new Set<object>();
  readonly #gateway: StoreGateway;
  readonly #notices: Notices;
  readonly #held: HeldSessions;
  #isUsed = false;

  constructor(gateway: StoreGateway, notices: Notices, held: HeldSessions) {
    this.#gateway = gateway;
    this.#notices = notices;
    this.#held = held;
  }

  /** Whether anybody here has ever asked for follow-ups. */
  get isUsed(): boolean {
    return this.#isUsed;
  }

  /** Whether this process has the session in hand. */
  isHeld(session: SessionKey): boolean {
    return this.#held.has(session);
  }

  /** What is one for as long as this process has the session in hand. */
  holdOf(session: SessionKey): object | undefined {
    return this.#held.holdOf(session);
  }

  /**
   * Leases a session, and takes it in hand: until it is let go of, and for `holdMs` at most, this process gets it no
   * second time, whatever has become of the lease. @throws `store_failed`
   */
  async claim(claimant: string, terms: ClaimTerms, filter: ClaimFilter): Promise<SessionClaim | undefined> {
    const { session } = filter;
    this.#isUsed = true;
    while (session === undefined || !this.#held.has(session)) {
      const claim = await this.#claim(claimant, terms.leaseMs, filter);
      if (claim === undefined) return undefined;
      if (!this.#held.has(claim)) {
        this.#held.hold(claim, "library", terms.holdMs);
        return claim;
      }
      await this.#putOff(claim);
    }
    return undefined;
  }

  /**
   * Leases a session for a turn that needs nothing to wait there, and takes it in hand. Where somebody has it, here or
   * anywhere, says who. @throws `store_failed`
   */
  async hold(
    claimant: string,
    terms: ClaimTerms,
    session: SessionKey,
    hold: Hold,
  ): Promise<SessionClaim | Held> {
    this.#isUsed = true;
    const giveBack = (answer: SessionClaim | Held | undefined) => {
      if (answer !== undefined && !("heldBy" in answer)) this.settle(answer, {}).catch(() => undefined);
    };
    const write = (store: TaskStore) => store.hold(claimant, terms.leaseMs, session, hold);
    const answer = await this.#gateway.ask<SessionClaim | Held>("hold", write, giveBack);
    if ("heldBy" in answer) return answer;
    const heldBy = this.#held.heldBy(session);
    if (heldBy === undefined) {
      this.#held.hold(answer, hold.by, terms.holdMs);
      return answer;
    }
    await this.#putOff(answer);
    return { heldBy };
  }

  /** Takes a session in hand that the store cannot be asked for. False: somebody here has it. */
  holdUnasked(claim: ClaimKey, by: TurnBy): boolean {
    if (this.#held.has(claim)) return false;
    this.#held.hold(claim, by, Number.POSITIVE_INFINITY);
    return true;
  }

  /** Takes into a claim what is pending by now. `undefined`: it had lapsed. @throws `store_failed` */
  extend(
    claim: ClaimKey,
    modes: readonly FollowUpMode[],
    maxHolds: number,
  ): Promise<TaskRecord[] | undefined> {
    return this.#gateway.ask("extend", (store) => store.extend(claim, modes, maxHolds));
  }

  /** Asks whoever has a session to stop. @throws `store_failed` */
  stopTurn(session: SessionKey, reason: string, only: TurnBy | null): Promise<boolean> {
    return this.#gateway.ask("stopTurn", (store) => store.stopTurn(session, reason, only));
  }

  /** Calls back whenever a session is no longer in hand here. Returns how to stop. */
  onFree(freed: (session: SessionKey) => void): () => void {
    return this.#held.onFree(freed);
  }

  /** What was claimed is no longer in hand here. */
  letGo(claim: ClaimKey): void {
    this.#held.letGo(claim);
  }

  /** One that the store gives too late goes back. */
  #claim(claimant: string, leaseMs: number, filter: ClaimFilter): Promise<SessionClaim | undefined> {
    const giveBack = (claim: SessionClaim | undefined) => {
      if (claim !== undefined) this.settle(claim, {}).catch(() => undefined);
    };
    const write = (store: TaskStore) => store.claim(claimant, leaseMs, filter);
    return this.#gateway.ask<SessionClaim | undefined>("claim", write, giveBack);
  }

  /** Begins a claim's lease anew. `undefined`: it had lapsed. @throws `store_failed` */
  prolong(claim: ClaimKey, leaseMs: number): Promise<Prolonged | undefined> {
    return this.#gateway.ask("prolong", (store) => store.prolong(claim, leaseMs));
  }

  /**
   * Settles a claim, or a part of it and keeps the session, however often the store fails. False: its lease had lapsed.
   * `retrying` is told when it has to be tried again.
   * @throws `closed`
   */
  async settle(
    claim: ClaimKey,
    outcome: Settlements,
    keep = false,
    retrying: () => void = () => undefined,
  ): Promise<boolean> {
    let tries = 0;
    const write = (store: TaskStore) => {
      tries += 1;
      if (tries === 2) retrying();
      return store.settle(claim, outcome, keep);
    };
    const answer = await this.#gateway.insist("settle", write);
    // An earlier try, or the end of the whole claim, may have settled what this one has not.
    const isDoubtful = keep || tries > 1;
    const isComplete = answer !== undefined && answer.length >= Object.keys(outcome).length;
    const written = isDoubtful && !isComplete ? await this.#readBack(claim, outcome) : undefined;
    const records = answer && written ? [...answer, ...missingIn(answer, written)] : (answer ?? written);
    for (const record of records ?? []) this.#makeKnown(record);
    return records !== undefined;
  }

  /** Counts the turns of a session from 0 again. @throws `store_failed` */
  resetTurns(session: SessionKey): Promise<void> {
    return this.#gateway.ask("resetTurns", (store) => store.resetTurns(session));
  }

  /** Its lease has lapsed, and whoever has it in hand here has not stopped yet: others come first meanwhile. */
  async #putOff(claim: SessionClaim): Promise<void> {
    const later: Settlement = { type: "defer", delayMs: PUT_OFF_MS };
    const outcome = Object.fromEntries(claim.tasks.map(({ id }) => [id, later]));
    await this.#gateway.ask("settle", (store) => store.settle(claim, outcome));
  }

  /** An earlier try may have been written, and only its answer lost: then things stand as they should. */
  async #readBack({ userId }: ClaimKey, outcome: Settlements): Promise<TaskRecord[] | undefined> {
    const read = (id: string) => this.#gateway.insist("get", (store) => store.get({ userId }, id));
    const records = await Promise.all(Object.keys(outcome).map(read));
    const written = records.filter((record) => record !== undefined && isWritten(record, outcome[record.id]));
    return written.length > 0 ? (written as TaskRecord[]) : undefined;
  }

  #makeKnown(record: TaskRecord): void {
    const event = endOf(record);
    if (event !== undefined) this.#notices.publish(record, [event]);
  }
}

/** Milliseconds after which a session is due again whose lease has lapsed here, where it is still told. */
export const PUT_OFF_MS = 1_000;

/** How long a claim lasts. */
interface ClaimTerms {
  readonly leaseMs: number;
  /** Milliseconds for which it is in hand at most. */
  readonly holdMs: number;
}

function missingIn(records: readonly TaskRecord[], among: readonly TaskRecord[]): TaskRecord[] {
  return among.filter(({ id }) => !records.some((record) => record.id === id));
}

/** How a follow-up has ended; `undefined` for one that comes again. */
function endOf({ followUp, updatedAt: at }: TaskRecord): NewTaskEvent | undefined {
  const { status, reason } = followUp;
  if (status === "delivered") return { at, type: "follow_up.delivered" };
  return status === "dropped" && reason !== null ? { at, type: "follow_up.dropped", reason } : undefined;
}

/** Whether a settlement has ended a follow-up for good. One that made it due again leaves no trace. */
function isWritten({ followUp }: TaskRecord, settlement: Settlement | undefined): boolean {
  if (settlement?.type === "acknowledge") return followUp.status === "delivered";
  return (
    settlement?.type === "drop" && followUp.status === "dropped" && followUp.reason === settlement.reason
  );
}
