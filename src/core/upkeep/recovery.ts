import type { Ledger } from "../ledger/ledger.ts";
import type { StoreReader } from "../ledger/store-gateway.ts";
import type { LifecycleEvent } from "../model/lifecycle.ts";
import type { TaskErrorCode, TaskRecord } from "../model/task.ts";
import type { RunningTasks } from "../tasks/running-tasks.ts";
import type { Starter } from "../tasks/start.ts";
import type { Clock } from "../time/clock.ts";
import type { Restarter } from "./restart.ts";

/** Sees to the tasks of processes that are gone: whoever is first goes on with one, or ends it as `lost`. */
export class Recovery {
  readonly #parts: RecoveryParts;
  readonly #restarter: Restarter;
  #isStopped = false;

  constructor(parts: RecoveryParts, restarter: Restarter) {
    this.#parts = parts;
    this.#restarter = restarter;
  }

  /** A store that fails ends it, until the next time. */
  async recover(): Promise<void> {
    const { clock, gateway } = this.#parts;
    // They come again with each look, and must not hide what lies behind them.
    const left = new Set<string>();
    while (!this.#isStopped) {
      const limit = BATCH + left.size;
      const lapsed = await gateway.ask("lapsed", (store) => store.lapsed(limit));
      const fresh = lapsed.filter(({ id }) => !left.has(id));
      await Promise.all(fresh.map((record) => this.#recover(record, left)));
      if (lapsed.length < limit) return;
      // Many tasks on a store that answers at once must not keep the event loop to themselves.
      await new Promise<void>((resolve) => clock.nextPass(resolve));
    }
  }

  /** What is not taken up by now is left to other processes. */
  stop(): void {
    this.#isStopped = true;
  }

  /** `left`: those that stay as they are. */
  async #recover(record: TaskRecord, left: Set<string>): Promise<void> {
    const { clock, ledger, runningTasks, starter } = this.#parts;
    const isHere = runningTasks.has(record.id) || starter.has(record.id);
    const answer = isHere ? "left" : await this.#restarter.restart(record);
    if (answer === "left") left.add(record.id);
    if (answer === "impossible") await ledger.change(record, [endOf(record, clock.now())]);
  }
}

interface RecoveryParts {
  readonly clock: Clock;
  readonly gateway: StoreReader;
  readonly ledger: Ledger;
  readonly runningTasks: RunningTasks;
  readonly starter: Starter;
}

const BATCH = 100;
const LOST = "The process that ran it is gone.";
const OVERDUE = "Its deadline passed, and the process that ran it is gone.";

/** A cancel on record comes first: stopping never reads as a failure. */
function endOf({ cancel, deadlineAt }: TaskRecord, now: number): LifecycleEvent {
  if (cancel) return { type: "task.cancelled", by: cancel.by, reason: cancel.reason, mayStillRun: true };
  if (deadlineAt === null || deadlineAt > now) return failed("lost", LOST);
  return failed("deadline_exceeded", OVERDUE);
}

function failed(code: TaskErrorCode, message: string): LifecycleEvent {
  return { type: "task.failed", error: { code, message } };
}
