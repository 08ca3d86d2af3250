import pTimeout from "p-timeout";
import { TaskOffloadError } from "../../core/errors.ts";
import type { TaskScope } from "../../core/model/task.ts";
import type { FollowUpClaim } from "../../follow-up/claim.ts";
import type { FollowUp } from "../../follow-up/follow-up.ts";
import type { ClaimMoment, FollowUpInbox } from "../../follow-up/inbox.ts";
import type { Turn } from "../../follow-up/turns/turn.ts";
import { type FollowUpOf, type LateResults, toldIn } from "./follow-ups.ts";

/**
 * The late results that one run of an agent takes in at its steps, from the turn that has its session or, where there is
 * none, from a claim. They are in hand until the messages that tell of them are kept, or are not.
 *
 * It waits for the store for a second at most when they are settled: that goes on meanwhile, and what is never settled
 * comes again.
 */
export class Intake<Message> {
  readonly #inbox: Pick<FollowUpInbox, "claim">;
  readonly #followUpOf: FollowUpOf<Message>;
  readonly #inHand = new Map<string, InHand>();
  #timesGivenBack = 0;

  constructor(inbox: Pick<FollowUpInbox, "claim">, followUpOf: FollowUpOf<Message>) {
    this.#inbox = inbox;
    this.#followUpOf = followUpOf;
  }

  get isEmpty(): boolean {
    return this.#inHand.size === 0;
  }

  /** What waits, if any of it may come in now. A store that fails breaks no run: it comes later. */
  async take(scope: TaskScope, during: ClaimMoment): Promise<Taken | undefined> {
    const before = this.#timesGivenBack;
    const [open] = this.#inHand.values();
    const claim = open?.claim ?? (await unlessStoreFailed(this.#inbox.claim(scope, { during })));
    const news = open ? await unlessStoreFailed(open.claim.interrupts()) : claim;
    if (claim === undefined || news === undefined) return undefined;
    const { followUps } = news;
    for (const followUp of followUps) this.#inHand.set(followUp.id, { followUp, claim });
    if (this.#timesGivenBack === before) return { followUps, messageFor: claim.messageFor, turn: claim.turn };
    // The store has answered later than the run has ended.
    await this.giveBack();
    return undefined;
  }

  /** What is made of it. Where that fails, all that is in hand comes again. @throws what `make` throws */
  async orGiveBack<T>(make: () => T): Promise<Awaited<T>> {
    try {
      return await make();
    } catch (error) {
      await this.giveBack();
      throw error;
    }
  }

  /** These messages are kept, whatever becomes of the run. */
  async acknowledge(kept: readonly Message[]): Promise<void> {
    await this.#settle("acknowledge", toldIn(kept, this.#followUpOf));
  }

  /** Nothing of the rest is kept: it comes again, and so does what is being taken. */
  async giveBack(): Promise<void> {
    this.#timesGivenBack += 1;
    await this.#settle("release", () => true);
  }

  /** Nothing is kept but what `kept` answers. Where that fails, nothing is. */
  async settle(kept: () => readonly Message[] | Promise<readonly Message[]>): Promise<void> {
    const read = async () => (this.isEmpty ? [] : kept());
    const messages = await read().catch(() => []);
    await Promise.all([this.acknowledge(messages), this.giveBack()]);
  }

  async #settle(verb: "acknowledge" | "release", isMeant: (followUp: FollowUp) => boolean): Promise<void> {
    const byClaim = new Map<FollowUpClaim, FollowUp[]>();
    for (const { followUp, claim } of this.#inHand.values()) {
      if (isMeant(followUp)) byClaim.set(claim, [...(byClaim.get(claim) ?? []), followUp]);
    }
    for (const { id } of [...byClaim.values()].flat()) this.#inHand.delete(id);
    const settling = [...byClaim].map(([claim, followUps]) => claim[verb](followUps));
    if (settling.length > 0) await withinASecond(Promise.all(settling));
  }
}

/** What was taken in at one step. */
export interface Taken extends LateResults {
  readonly turn: Turn | undefined;
}

interface InHand {
  readonly followUp: FollowUp;
  readonly claim: FollowUpClaim;
}

/** What a store fails with is an event. */
async function unlessStoreFailed<T>(asking: Promise<T>): Promise<T | undefined> {
  try {
    return await asking;
  } catch (error) {
    if (TaskOffloadError.isInstance(error) && error.code === "store_failed") return undefined;
    throw error;
  }
}

/** The store is asked until it answers, however long that takes. */
async function withinASecond(settling: Promise<unknown>): Promise<void> {
  await pTimeout(
    settling.catch(() => undefined),
    { milliseconds: 1_000, message: false },
  );
}
