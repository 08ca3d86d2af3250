import { sign } from "../core/copies.ts";
import type { SessionClaims } from "../core/ledger/session-claims.ts";
import { partsOf } from "../core/manager.ts";
import { checkScope } from "../core/model/call.ts";
import type { FollowUpMode } from "../core/model/follow-up.ts";
import type { TaskScope } from "../core/model/task.ts";
import { either } from "../core/values/kinds.ts";
import { needed, readArgument, type Table } from "../core/values/options.ts";
import { type ClaimSource, claimOf, type FollowUpClaim } from "./claim.ts";
import type { FollowUp } from "./follow-up.ts";
import type { FollowUpMessage } from "./message.ts";
import { type InboxOptions, inboxTerms, tellerOf } from "./options.ts";
import { type Claimed, Outbox, sessionOf } from "./outbox.ts";
import type { HeldTurn } from "./turns/held-turn.ts";
import { turnInHand } from "./turns/in-hand.ts";

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
    return turn ? this.#claimIn(turn, REASONS[during]) : this.#claim(scope, REASONS[during]);
  }

  /** The turn that runs has the session already. */
  async #claimIn(turn: HeldTurn, modes: readonly FollowUpMode[]): Promise<FollowUpClaim | undefined> {
    const maxAttempts = turn.by === "library" ? this.#maxAttempts : Number.POSITIVE_INFINITY;
    const followUps = await turn.lend(modes);
    if (followUps.length === 0) return undefined;
    const source: ClaimSource = {
      scope: turn.scope,
      turn,
      maxAttempts,
      take: (modes) => turn.lend(modes),
      settle: (some, verdict) => turn.settle(some, verdict),
    };
    return claimOf(source, followUps, this.#tell);
  }

  async #claim(scope: TaskScope, modes: readonly FollowUpMode[]): Promise<FollowUpClaim | undefined> {
    const claimed = await this.#outbox.claim({ session: sessionOf(scope), modes });
    if (claimed === undefined) return undefined;
    if (claimed.followUps.length > 0) return claimOf(this.#sourceOf(claimed), claimed.followUps, this.#tell);
    if (claimed.failure !== undefined) throw claimed.failure;
    return undefined;
  }

  /** The session is free again once nothing of it is open. */
  #sourceOf(claimed: Claimed): ClaimSource {
    const outbox = this.#outbox;
    return {
      scope: claimed.scope,
      turn: undefined,
      maxAttempts: this.#maxAttempts,
      take: async (modes) => {
        const followUps = await outbox.extend(claimed, modes);
        for (const followUp of followUps) claimed.open.set(followUp.id, followUp);
        return followUps;
      },
      settle: (some, verdict) =>
        isRest(claimed, some) ? outbox.close(claimed, verdict) : outbox.settleSome(claimed, some, verdict),
    };
  }
}

function isRest({ open }: Claimed, some: readonly FollowUp[]): boolean {
  const ids = some.map(({ id }) => id);
  return [...open.keys()].every((id) => ids.includes(id));
}

/** What gives reason to claim; whatever else waits in the session comes along. */
const REASONS: Record<ClaimMoment, readonly FollowUpMode[]> = {
  turn: ["interrupt"],
  idle: ["when_idle", "interrupt", "silent"],
};
