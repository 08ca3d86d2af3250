import type { TurnBy } from "../../core/model/session-claim.ts";
import type { TaskScope } from "../../core/model/task.ts";
import type { FollowUp } from "../follow-up.ts";
import type { FollowUpMessage } from "../message.ts";

/** One run of the agent in a session, which has no other meanwhile, in any process. */
export interface Turn {
  /** Whose turn it is. Without a `sessionId`: of the user's work that has none. */
  readonly scope: TaskScope;
  /** Grows from each turn of a session to the next, across processes and restarts: fence your writes by it. */
  readonly number: number;
  /** Who has begun it: the user, who has said something; the host; or the library, since results have come. */
  readonly by: TurnBy;
  /**
   * Aborts when the turn takes too long, is asked to stop, or has lost its session to another process, and when the
   * dispatcher stops. No other turn of the session begins in this process before this one has ended, whatever it does.
   */
  readonly signal: AbortSignal;
  /** Everything that waited when it began. A host that has taken one of these ids in before leaves it out. */
  readonly followUps: readonly FollowUp[];
  /** All of them as one message; `undefined` where nothing waited. */
  readonly message: FollowUpMessage | undefined;
  /** How many turns of this session wait in this process by now. */
  readonly waiting: number;
  /** Some of them as one message: where a host has taken in the others before. */
  messageFor(followUps: readonly FollowUp[]): FollowUpMessage;
  /**
   * Takes results into the turn that runs, if any may interrupt it; whatever else is due comes along. `undefined`:
   * there is nothing, or the turn has ended.
   *
   * @throws `store_failed`
   */
  interrupts(): Promise<Interrupts | undefined>;
  /**
   * The turn goes on until this has settled, too. If it rejects, what was handed over comes again.
   *
   * @throws `closed` once the turn has ended
   */
  waitUntil(promise: PromiseLike<unknown>): void;
  /**
   * For whoever learns only at the end what was kept: `act` is called once everything else has settled, however it has,
   * and the turn goes on until it has settled, too. If it rejects, what was handed over comes again.
   *
   * @throws `closed` once the turn has ended; `invalid_input`
   */
  beforeEnd(act: () => unknown): void;
  /**
   * These are in the conversation, or all that were handed over; the turn goes on. False: they were settled before, or
   * the session is no longer this turn's and they may come again. @throws `closed`
   */
  acknowledge(followUps?: readonly FollowUp[]): Promise<boolean>;
  /** These are not, or none is that is not settled: they come again. The turn goes on. @throws `closed` */
  giveBack(followUps?: readonly FollowUp[]): Promise<boolean>;
  /** For hosts with locks of their own: the session is busy after all, ask again soon. */
  busy(): void;
  /** For hosts that have no such session any more: nothing of it is ever told. */
  gone(): void;
  /**
   * Look before you write: throws once the session may be another's, by the clocks, even if no timer has fired since
   * the machine slept.
   *
   * @throws `conflict`
   */
  throwIfLost(): void;
}

/** A turn for results that have come. */
export interface Delivery extends Turn {
  readonly message: FollowUpMessage;
}

/** What was taken into a turn that runs. */
export interface Interrupts {
  /** At least one. */
  readonly followUps: readonly FollowUp[];
  readonly message: FollowUpMessage;
}

/** A turn that is ended by hand. Disposed of without `end`, it gives back what it has not acknowledged. */
export interface BegunTurn extends Turn, AsyncDisposable {
  /** Acknowledges what was handed over and ends the turn, once all that it waits for has settled. */
  end(): Promise<void>;
}
