import type { CallParts } from "../calls/running-calls.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { StoreReader } from "../ledger/store-gateway.ts";
import type { TaskRecord } from "../model/task.ts";
import type { TaskTerms } from "../options/task-terms.ts";
import type { Place } from "../tasks/place.ts";
import type { RunningTasks } from "../tasks/running-tasks.ts";
import type { Scheduler } from "../tasks/scheduler.ts";
import type { Starter } from "../tasks/start.ts";
import { letGo, type StoredCall, storedCall } from "../tasks/stored-call.ts";

/** Starts tools again whose process is gone, where they are declared to allow it. */
export class Restarter {
  readonly #parts: RestarterParts;

  constructor(parts: RestarterParts) {
    this.#parts = parts;
  }

  /** Starts the call of a lapsed task again in this process. @throws `store_failed` */
  async restart(record: TaskRecord): Promise<Restart> {
    const { clock, gateway, scheduler, tools } = this.#parts;
    const tool = tools.get(record.toolName);
    if (!tool?.isRestartable || record.runs >= tool.attempts) return "impossible";
    if (record.cancel !== null || isOverdue(record, clock.now())) return "impossible";
    if (record.status === "running" && !scheduler.hasPlace) return "left";
    const payload = await gateway.ask("payload", (store) => store.payload(record));
    if (payload === undefined) return "impossible";
    return this.#takeOver(record, storedCall(record, tool, payload));
  }

  /** What was queued waits again; what was running needs a place at once. */
  async #takeOver(record: TaskRecord, stored: StoredCall): Promise<Restart> {
    const { ledger, runningTasks, scheduler } = this.#parts;
    const { id } = record;
    const place = record.status === "running" ? scheduler.takePlace() : undefined;
    if (record.status === "running" && place === undefined) return "left";
    runningTasks.expect(id);
    try {
      const taker = {
        isTaken: () => runningTasks.recordOf(id) !== undefined,
        take: (written: TaskRecord) => this.#begin(written, stored, place),
      };
      if (!(await ledger.takeOver(record, taker))) runningTasks.forget(id);
    } catch (error) {
      runningTasks.forget(id);
      throw error;
    } finally {
      place?.giveBackIfUnused();
    }
    return "restarted";
  }

  #begin(record: TaskRecord, stored: StoredCall, place: Place | undefined): void {
    const { isAccepting, ledger, runningTasks, starter, terms } = this.#parts;
    if (isAccepting && place) {
      runningTasks.run(stored, record, place);
      return;
    }
    runningTasks.forget(record.id);
    if (isAccepting) starter.takeUp(stored, record).catch(() => undefined);
    // The manager was closed meanwhile: the next process may have it at once.
    else letGo(record, stored.restartState, terms, ledger);
  }
}

/**
 * What has become of a lapsed task. `left`: there is no place for it here. One may become free, and other processes
 * look too. `impossible`: it cannot be started again.
 */
type Restart = "restarted" | "left" | "impossible";

interface RestarterParts extends CallParts {
  readonly gateway: StoreReader;
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
