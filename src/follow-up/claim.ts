import type { FollowUpMode } from "../core/model/follow-up.ts";
import type { TaskScope } from "../core/model/task.ts";
import type { FollowUp } from "./follow-up.ts";
import type { FollowUpMessage } from "./message.ts";
import type { Verdict } from "./outbox.ts";
import type { Interrupts, Turn } from "./turns/turn.ts";
import { failed } from "./verdict.ts";

/** Follow-ups in a host's hands: nobody else gets them until they are acknowledged or released. */
export interface FollowUpClaim {
  readonly scope: TaskScope;
  /** The turn that has the session, where one of this process has: what is not settled by its end comes again. */
  readonly turn: Turn | undefined;
  /** At least one. */
  readonly followUps: readonly FollowUp[];
  /** All of them as one message. */
  readonly message: FollowUpMessage;
  /** The same for some of them: where a host has taken in the others before. */
  messageFor(followUps: readonly FollowUp[]): FollowUpMessage;
  /**
   * Takes into the claim, too, what has come since, if any of it may interrupt a turn. `undefined`: there is nothing,
   * or all of the claim was settled before.
   *
   * @throws `store_failed`
   */
  interrupts(): Promise<Interrupts | undefined>;
  /**
   * These are in the conversation, or all that were taken. False: they were settled before, or the claim had lapsed and
   * they may come again. @throws `closed`
   */
  acknowledge(followUps?: readonly FollowUp[]): Promise<boolean>;
  /**
   * These are not, or none is that is not settled: they come again. After the last attempt they are dropped.
   * @throws `closed`
   */
  release(followUps?: readonly FollowUp[]): Promise<boolean>;
}

/** What stands behind a claim: a lease of its own, or the turn that has the session. */
export interface ClaimSource {
  readonly scope: TaskScope;
  readonly turn: Turn | undefined;
  /** Times that a follow-up is tried. */
  readonly maxAttempts: number;
  /** What is due by now, if anything of these modes is. @throws `store_failed` */
  take(modes: readonly FollowUpMode[]): Promise<readonly FollowUp[]>;
  settle(followUps: readonly FollowUp[], verdict: Verdict): Promise<boolean>;
}

/** Where they cannot be put into words they are released: nobody else could try while this one holds them. */
export function claimOf(
  source: ClaimSource,
  followUps: readonly FollowUp[],
  tell: (followUps: readonly FollowUp[]) => FollowUpMessage,
): FollowUpClaim {
  const { scope, turn } = source;
  const taken = [...followUps];
  const acknowledge = (some: readonly FollowUp[] = taken) =>
    source.settle(some, () => ({ type: "acknowledge" }));
  const release = (some: readonly FollowUp[] = taken) =>
    source.settle(some, (followUp) => failed(followUp, source.maxAttempts, 0));
  const told = (some: readonly FollowUp[]) => {
    try {
      return { followUps: [...some], message: tell(some) };
    } catch (error) {
      release(some).catch(() => undefined);
      throw error;
    }
  };
  const interrupts = async () => {
    const news = await source.take(["interrupt"]);
    taken.push(...news);
    return news.length > 0 ? told(news) : undefined;
  };
  return { scope, turn, ...told(followUps), messageFor: tell, interrupts, acknowledge, release };
}
