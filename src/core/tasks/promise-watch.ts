import type { SessionClaims } from "../ledger/session-claims.ts";
import { isFinished, type TaskScope } from "../model/task.ts";
import type { Queries } from "../reading/queries.ts";
import { type Clock, Timer } from "../time/clock.ts";
import { warn } from "../values/warn.ts";

/** Whether there is anybody here who brings back what placeholders promise. It looks after one at a time, and warns once. */
export class PromiseWatch {
  readonly #parts: PromiseWatchParts;
  #timer: Timer | undefined;
  #isOver: boolean;

  constructor(parts: PromiseWatchParts, isNeeded: boolean) {
    this.#parts = parts;
    this.#isOver = !isNeeded;
  }

  /** A placeholder for this task was given out. */
  made(scope: TaskScope, id: string): void {
    if (!this.#isOver && this.#timer === undefined) this.#checkLater({ scope, id, hasEnded: false });
  }

  close(): void {
    this.#isOver = true;
    this.#timer?.clear();
  }

  #checkLater(promise: Promised): void {
    this.#timer = new Timer(this.#parts.clock, () => void this.#check(promise), PATIENCE_MS).unref();
  }

  async #check({ scope, id, hasEnded }: Promised): Promise<void> {
    const task = await this.#parts.queries.get(scope, id).catch(() => undefined);
    this.#isOver ||= this.#parts.claims.isUsed || task?.followUp.status === "delivered";
    this.#timer = undefined;
    if (this.#isOver || task === undefined) return;
    const isKept = isFinished(task.status) && task.followUp.status !== "pending";
    if (isKept) return;
    if (!hasEnded) return this.#checkLater({ scope, id, hasEnded: isFinished(task.status) });
    this.#isOver = true;
    warn(
      `Nothing brings results back in this process: task ${id} has ended, and its placeholder has promised the result.`,
      "Start a FollowUpDispatcher, or take turns by its `turn`, or claim by a FollowUpInbox. Where another process does that, give the manager `deliveredElsewhere: true`; with `followUps: false` placeholders promise nothing.",
    );
  }
}

/** Milliseconds for which a result may wait. */
const PATIENCE_MS = 30_000;

interface Promised {
  readonly scope: TaskScope;
  readonly id: string;
  /** It had ended when it was looked at before. */
  readonly hasEnded: boolean;
}

interface PromiseWatchParts {
  readonly clock: Clock;
  readonly claims: Pick<SessionClaims, "isUsed">;
  readonly queries: Queries;
}
