import { TaskOffloadError } from "../../core/errors.ts";
import type { FollowUpMode } from "../../core/model/follow-up.ts";
import type { TurnBy } from "../../core/model/session-claim.ts";
import type { TaskScope } from "../../core/model/task.ts";
import type { FollowUp } from "../follow-up.ts";
import type { FollowUpMessage } from "../message.ts";
import type { Claimed, Outbox, Verdict } from "../outbox.ts";
import { Awaited } from "./awaited.ts";
import type { Interrupts, Turn } from "./turn.ts";

/** What every turn of a dispatcher works with. */
export interface TurnTools {
  readonly outbox: Outbox;
  tell(followUps: readonly FollowUp[]): FollowUpMessage;
  /** Milliseconds after which what an automatic turn has given back is due: it would begin anew at once. */
  readonly giveBackMs: number;
}

/** What a turn stands on: its session, or none where the store could not be asked. */
export interface Footing {
  readonly scope: TaskScope;
  readonly number: number;
  readonly by: TurnBy;
  /** `undefined`: nothing is handed over, and nothing can be settled. */
  readonly claimed: Claimed | undefined;
  /** How many turns wait behind it in this process. */
  waiting(): number;
  /** Nobody here is at work on the session any more. */
  letGo(): void;
}

/** A turn that runs. */
export class HeldTurn implements Turn {
  readonly scope: TaskScope;
  readonly number: number;
  readonly by: TurnBy;
  readonly awaited = new Awaited();
  readonly #tools: TurnTools;
  readonly #footing: Footing;
  readonly #abort = new AbortController();
  readonly #followUps: readonly FollowUp[];
  readonly #message: FollowUpMessage | undefined;
  #isRead = false;
  #answer: "busy" | "gone" | undefined;

  constructor(footing: Footing, tools: TurnTools) {
    this.#footing = footing;
    this.#tools = tools;
    this.scope = footing.scope;
    this.number = footing.number;
    this.by = footing.by;
    // A host may do with its list what it likes.
    this.#followUps = [...(footing.claimed?.followUps ?? [])];
    this.#message = this.#followUps.length > 0 ? tools.tell(this.#followUps) : undefined;
  }

  get followUps(): readonly FollowUp[] {
    this.#isRead = true;
    return this.#followUps;
  }

  get message(): FollowUpMessage | undefined {
    this.#isRead = true;
    return this.#message;
  }

  /** What nobody has looked at was not told: it comes again. */
  leaveUnread(): void {
    if (!this.#isRead) for (const { id } of this.#followUps) this.claimed?.open.delete(id);
  }

  /** What is open comes again, whatever else becomes of the turn. */
  leaveAll(): void {
    this.claimed?.open.clear();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get waiting(): number {
    return this.#footing.waiting();
  }

  get claimed(): Claimed | undefined {
    return this.#footing.claimed;
  }

  letGo(): void {
    this.#footing.letGo();
  }

  /** What the host has said of its session. */
  get answer(): "busy" | "gone" | undefined {
    return this.#answer;
  }

  // Hosts take a turn apart: what they call is bound to it.
  readonly messageFor = (followUps: readonly FollowUp[]): FollowUpMessage => this.#tools.tell(followUps);

  readonly interrupts = async (): Promise<Interrupts | undefined> => {
    const followUps = await this.#takeIn(INTERRUPTING);
    if (this.awaited.isOver) return undefined;
    for (const followUp of followUps) this.claimed?.open.set(followUp.id, followUp);
    return followUps.length > 0 ? { followUps, message: this.messageFor(followUps) } : undefined;
  };

  /**
   * What is due by now, if anything of these modes is, for whoever knows only the session and settles it; with what the
   * turn began with, if nobody has looked at that.
   *
   * @throws `store_failed`
   */
  async lend(modes: readonly FollowUpMode[]): Promise<readonly FollowUp[]> {
    const news = await this.#takeIn(modes);
    const { claimed } = this;
    if (claimed === undefined || this.awaited.isOver) return [];
    const untold = this.#isRead ? [] : this.#followUps.filter(({ id }) => claimed.open.delete(id));
    this.#isRead = true;
    const followUps = [...untold, ...news];
    for (const followUp of followUps) claimed.lent.set(followUp.id, followUp);
    return followUps;
  }

  /** It is nobody's yet: where the turn ends meanwhile it comes again. */
  async #takeIn(modes: readonly FollowUpMode[]): Promise<readonly FollowUp[]> {
    const { claimed } = this;
    return claimed === undefined || this.awaited.isOver ? [] : this.#tools.outbox.extend(claimed, modes);
  }

  readonly waitUntil = (promise: PromiseLike<unknown>): void => this.awaited.add(promise);

  readonly beforeEnd = (act: () => unknown): void => this.awaited.addLast(act);

  readonly acknowledge = (followUps?: readonly FollowUp[]): Promise<boolean> =>
    this.settle(followUps, () => ({ type: "acknowledge" }));

  readonly giveBack = (followUps?: readonly FollowUp[]): Promise<boolean> =>
    this.settle(followUps, () => ({
      type: "defer",
      delayMs: this.by === "library" ? this.#tools.giveBackMs : 0,
    }));

  readonly busy = (): void => {
    this.#answer = "busy";
  };

  readonly gone = (): void => {
    this.#answer = "gone";
  };

  readonly throwIfLost = (): void => {
    if (!this.awaited.isOver && !this.claimed?.lease.mayBeLost) return;
    throw new TaskOffloadError("conflict", "The session is no longer this turn's: another may have begun.");
  };

  abort(reason: unknown): void {
    this.#abort.abort(reason);
  }

  /** These, or all that were handed over. */
  async settle(followUps: readonly FollowUp[] | undefined, verdict: Verdict): Promise<boolean> {
    const { claimed } = this;
    if (claimed === undefined) return false;
    return this.#tools.outbox.settleSome(claimed, followUps ?? [...claimed.open.values()], verdict);
  }
}

const INTERRUPTING: readonly FollowUpMode[] = ["interrupt"];

/** A turn of one of these classes. Where what waits cannot be put into words it is given back. @throws what `tell` throws */
export function openTurn<T extends HeldTurn>(
  Turn: new (footing: Footing, tools: TurnTools) => T,
  footing: Footing,
  tools: TurnTools,
): T {
  try {
    return new Turn(footing, tools);
  } catch (error) {
    const { claimed } = footing;
    if (claimed === undefined) footing.letGo();
    // Others have their turn meanwhile, and it counts: nobody will be able to, some time.
    else tools.outbox.close(claimed, () => ({ type: "release", delayMs: UNSPEAKABLE_MS })).catch(() => false);
    throw error;
  }
}

const UNSPEAKABLE_MS = 5_000;
