import { changeFor, type LifecycleEvent } from "../model/lifecycle.ts";
import type { TaskStore } from "../model/store.ts";
import type { TaskErrorCode, TaskRecord } from "../model/task.ts";
import type { Background } from "../tasks/running-tasks.ts";
import type { Starting } from "../tasks/start.ts";
import type { Resuming } from "./restart.ts";

const BATCH = 100;
const LOST = "The process that ran it is gone.";
const OVERDUE = "Its deadline passed, and the process that ran it is gone.";

/** Sees to the tasks of processes that are gone: whoever is first goes on with one, or ends it as `lost`. */
export class Recovery {
  readonly #background: Background;
  readonly #starting: Starting;
  readonly #resuming: Resuming;
  #isStopped = false;

  constructor(background: Background, starting: Starting, resuming: Resuming) {
    this.#background = background;
    this.#starting = starting;
    this.#resuming = resuming;
  }

  /** A store that fails ends it, until the next time. */
  async recover(): Promise<void> {
    const { clock, journal } = this.#background;
    // They come again with each look, and must not hide what lies behind them.
    const left = new Set<string>();
    while (!this.#isStopped) {
      const limit = BATCH + left.size;
      const lapsed = await journal.ask("lapsed", (store) => store.lapsed(limit));
      await this.#recoverAll(
        lapsed.filter(({ id }) => !left.has(id)),
        left,
      );
      if (lapsed.length < limit) return;
      // Many tasks on a store that answers at once must not keep the event loop to themselves.
      await new Promise<void>((resolve) => clock.nextPass(resolve));
    }
  }

  /** What is not taken up by now is left to other processes. */
  stop(): void {
    this.#isStopped = true;
  }

  async #recoverAll(lapsed: readonly TaskRecord[], left: Set<string>): Promise<void> {
    const recover = async (record: TaskRecord) => {
      if (!(await this.#recover(record))) left.add(record.id);
    };
    await Promise.all(lapsed.map(recover));
    if (lapsed.some(({ id }) => !left.has(id))) this.#background.finished();
  }

  /** False: it stays as it is. */
  async #recover(record: TaskRecord): Promise<boolean> {
    if (this.#background.has(record.id) || this.#starting.has(record.id)) return false;
    const answer = await this.#resuming.resume(record);
    if (answer === "impossible") await this.#end(record);
    return answer !== "left";
  }

  async #end(record: TaskRecord): Promise<void> {
    const { journal, hub, clock } = this.#background;
    const change = changeFor(record, [endOf(record, clock.now())], clock.now());
    if (change === undefined) return;
    const answered = (written: TaskRecord | undefined) => {
      if (written !== undefined) hub.publish(written, change.events);
    };
    const write = (store: TaskStore) => store.transition(record, record.version, change);
    answered(await journal.ask<TaskRecord | undefined>("transition", write, answered));
  }
}

/** A cancel on record comes first: stopping never reads as a failure. */
function endOf({ cancel, deadlineAt }: TaskRecord, now: number): LifecycleEvent {
  if (cancel) return { type: "task.cancelled", by: cancel.by, reason: cancel.reason, mayStillRun: true };
  if (deadlineAt === null || deadlineAt > now) return failed("lost", LOST);
  return failed("deadline_exceeded", OVERDUE);
}

function failed(code: TaskErrorCode, message: string): LifecycleEvent {
  return { type: "task.failed", error: { code, message } };
}
