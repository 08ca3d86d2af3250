import type { CallParts } from "../calls/running-calls.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { StoreReader } from "../ledger/store-gateway.ts";
import type { KnownTool } from "../model/known-tool.ts";
import type { TaskRecord } from "../model/task.ts";
import type { TaskTerms } from "../options/task-terms.ts";
import type { RunningTasks } from "../tasks/running-tasks.ts";
import type { Scheduler } from "../tasks/scheduler.ts";
import type { Slot } from "../tasks/slot.ts";
import type { Starter } from "../tasks/start.ts";
import { letGo, type StoredCall, storedCall } from "../tasks/stored-call.ts";
import type { InContext } from "../time/async-context.ts";

/** Starts tools again whose process is gone, where they are declared to allow it. */
export class Restarter {
  readonly #parts: RestarterParts;

  constructor(parts: RestarterParts) {
    this.#parts = parts;
  }

  /** Starts the call of a lapsed task again in this process. @throws `store_failed` */
  async restart(record: TaskRecord): Promise<Restart> {
    const { clock, gateway, inOwnContext, scheduler, tools } = this.#parts;
    const tool = tools.get(record.toolName);
    if (!tool?.isRestartable || record.runs >= tool.attempts) return "impossible";
    if (record.cancel !== null || isOverdue(record, clock.now())) return "impossible";
    if (record.status === "running" && !scheduler.hasSlot) return "left";
    const payload = await gateway.ask("payload", (store) => store.payload(record));
    if (payload === undefined) return "impossible";
    return this.#takeOver(record, storedCall(record, tool, payload, inOwnContext));
  }

  /** What was queued waits again; what was running needs a slot at once. */
  async #takeOver(record: TaskRecord, stored: StoredCall): Promise<Restart> {
    const { ledger, runningTasks, scheduler, starter } = this.#parts;
    const { id } = record;
    const slot = record.status === "running" ? scheduler.takeSlot() : undefined;
    if (record.status === "running" && slot === undefined) return "left";
    runningTasks.expect(id);
    try {
      const taker = {
        isTaken: () => runningTasks.recordOf(id) !== undefined || starter.has(id),
        take: (written: TaskRecord) => this.#begin(written, stored, slot),
      };
      if (await ledger.takeOver(record, taker)) return "restarted";
      runningTasks.forget(id);
      return "left";
    } catch (error) {
      runningTasks.forget(id);
      throw error;
    } finally {
      slot?.releaseIfUnused();
    }
  }

  #begin(record: TaskRecord, stored: StoredCall, slot: Slot | undefined): void {
    const { isAccepting, ledger, runningTasks, starter, terms } = this.#parts;
    if (isAccepting && slot) {
      runningTasks.run(stored, record, slot);
      return;
    }
    runningTasks.forget(record.id);
    if (isAccepting) starter.takeUp(stored, record).catch(() => undefined);
    // The manager was closed meanwhile: the next process may have it at once.
    else letGo(record, stored.restartState, terms, ledger);
  }
}

/**
 * What has become of a lapsed task. `left`: there is no slot for it here. One may become free, and other processes
 * look too. `impossible`: it cannot be started again.
 */
type Restart = "restarted" | "left" | "impossible";

interface RestarterParts extends CallParts {
  /** The tools that the manager knows by name. */
  readonly tools: ReadonlyMap<string, KnownTool>;
  readonly gateway: StoreReader;
  readonly inOwnContext: InContext;
  readonly ledger: Ledger;
  readonly isAccepting: boolean;
  readonly runningTasks: RunningTasks;
  readonly scheduler: Scheduler;
  readonly starter: Starter;
  readonly terms: TaskTerms;
}

function isOverdue({ deadlineAt }: TaskRecord, now: number): boolean {
  return deadlineAt !== null && deadlineAt <= now;
}
