import { sign } from "../core/copies.ts";
import type { SessionClaims } from "../core/ledger/session-claims.ts";
import { partsOf } from "../core/manager.ts";
import { checkScope } from "../core/model/call.ts";
import type { FollowUpMode } from "../core/model/follow-up.ts";
import type { TaskScope } from "../core/model/task.ts";
import { either } from "../core/values/kinds.ts";
import { needed, readArgument, type Table } from "../core/values/options.ts";
import type { FollowUp } from "./follow-up.ts";
import type { FollowUpMessage } from "./message.ts";
import { type InboxOptions, inboxTerms, tellerOf } from "./options.ts";
import { type Claimed, Outbox, sessionOf } from "./outbox.ts";
import type { HeldTurn } from "./turns/held-turn.ts";
import { turnInHand } from "./turns/in-hand.ts";
import { failed } from "./verdict.ts";

/** Follow-ups in a host's hands: nobody else gets them until they are acknowledged or released. */
export interface FollowUpClaim {
  readonly scope: TaskScope;
  /** At least one. */
  readonly followUps: readonly FollowUp[];
  /** All of them as one message. */
  readonly message: FollowUpMessage;
  /** The same for some of them: where a host has taken in the others before. */
  messageFor(followUps: readonly FollowUp[]): FollowUpMessage;
  /** They are in the conversation. False: the claim was settled before, or had lapsed and they may come again. @throws `closed` */
  acknowledge(): Promise<boolean>;
  /** They are not: they come again. After the last attempt they are dropped. @throws `closed` */
  release(): Promise<boolean>;
}

/**
 * When the host asks. `turn`: at a step of a running turn, for what may interrupt it. `idle`: before a turn
 * begins, for everything.
 */
export type ClaimMoment = "turn" | "idle";

/** How the inbox is asked. */
export interface ClaimOptions {
  during: ClaimMoment;
}

const CLAIM = { during: needed(either("turn", "idle")) } satisfies Table<ClaimOptions>;

/**
 * Late results for hosts that take them in themselves: at the next step of a turn, or before it begins. It
 * works beside a dispatcher: neither ever gives out what the other has in hand.
 *
 * @example
 * ```ts
 * import { BackgroundTaskManager } from "tool-offload";
 * import { FollowUpInbox } from "tool-offload/follow-up";
 *
 * const tasks = new BackgroundTaskManager();
 * const inbox = new FollowUpInbox({ tasks });
 * const claim = await inbox.claim({ userId: "ada", sessionId: "s1" }, { during: "idle" });
 * if (claim) {
 *   // First it goes into the conversation, then it is acknowledged.
 *   console.log(claim.message.text);
 *   await claim.acknowledge();
 * }
 * await tasks.close();
 * ```
 */
export class FollowUpInbox {
  readonly #outbox: Outbox;
  readonly #claims: SessionClaims;
  readonly #maxAttempts: number;
  readonly #tell: (followUps: readonly FollowUp[]) => FollowUpMessage;

  /** @throws `invalid_option`, naming the option and its value */
  constructor(options: InboxOptions) {
    const terms = inboxTerms(options);
    sign(this);
    const parts = partsOf(terms.tasks);
    this.#outbox = new Outbox(parts, terms);
    this.#claims = parts.claims;
    this.#maxAttempts = terms.maxAttempts;
    this.#tell = tellerOf(terms);
  }

  /**
   * Takes what waits for a session; without a `sessionId`, for the user's tasks that have none. Where a turn of this
   * manager's has the session, it is taken into that turn. `undefined`: there is nothing, or somebody else has it in hand.
   *
   * @throws `invalid_input`; `store_failed`
   */
  async claim(scope: TaskScope, options: ClaimOptions): Promise<FollowUpClaim | undefined> {
    checkScope(scope);
    const { during } = readArgument(CLAIM, options ?? {});
    const turn = turnInHand(this.#claims, sessionOf(scope));
    if (turn !== undefined) return this.#claimIn(turn, REASONS[during]);
    const claimed = await this.#outbox.claim({ session: sessionOf(scope), modes: REASONS[during] });
    if (claimed === undefined) return undefined;
    if (claimed.followUps.length > 0) return this.#claimOf(claimed);
    if (claimed.failure !== undefined) throw claimed.failure;
    return undefined;
  }

  /** The turn that runs has the session already. */
  async #claimIn(turn: HeldTurn, modes: readonly FollowUpMode[]): Promise<FollowUpClaim | undefined> {
    const followUps = await turn.takeAll(modes);
    if (followUps.length === 0) return undefined;
    const maxAttempts = turn.by === "library" ? this.#maxAttempts : Number.POSITIVE_INFINITY;
    return {
      scope: turn.scope,
      followUps,
      message: this.#tell(followUps),
      messageFor: (some) => this.#tell(some),
      acknowledge: () => turn.acknowledge(followUps),
      release: () => turn.release(followUps, (followUp) => failed(followUp, maxAttempts, 0)),
    };
  }

  async #claimOf(claimed: Claimed): Promise<FollowUpClaim> {
    const { scope, followUps } = claimed;
    const released = (followUp: FollowUp) => failed(followUp, this.#maxAttempts, 0);
    const release = () => this.#outbox.close(claimed, released);
    try {
      return {
        scope,
        followUps: [...followUps],
        message: this.#tell(followUps),
        messageFor: (some) => this.#tell(some),
        acknowledge: () => this.#outbox.close(claimed, () => ({ type: "acknowledge" })),
        release,
      };
    } catch (error) {
      // A record that nobody can put into words: nobody else could try while this one holds it.
      release().catch(() => undefined);
      throw error;
    }
  }
}

/** What gives reason to claim; whatever else waits in the session comes along. */
const REASONS: Record<ClaimMoment, readonly FollowUpMode[]> = {
  turn: ["interrupt"],
  idle: ["when_idle", "interrupt", "silent"],
};
