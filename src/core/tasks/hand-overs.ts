import type { Execution } from "../calls/execution.ts";
import type { Drain } from "../time/idle.ts";
import type { Cancelling } from "./cancel.ts";
import { HandOver } from "./hand-over.ts";
import type { Background } from "./running-tasks.ts";
import type { Scheduler } from "./scheduler.ts";

/** The slow calls on their way into the background. */
export class HandOvers {
  readonly #background: Background;
  readonly #scheduler: Scheduler;
  readonly #cancelling: Cancelling;
  readonly #drain: Drain;
  readonly #open = new Map<Execution, HandOver>();

  constructor(background: Background, scheduler: Scheduler, cancelling: Cancelling, drain: Drain) {
    this.#background = background;
    this.#scheduler = scheduler;
    this.#cancelling = cancelling;
    this.#drain = drain;
  }

  /** Makes a task of a running execution; `isExempt`: whatever the limits. */
  begin(execution: Execution, isExempt: boolean): void {
    if (execution.task) this.#adopted(execution);
    else this.#handOverOf(execution).request(isExempt);
  }

  #handOverOf(execution: Execution): HandOver {
    let handOver = this.#open.get(execution);
    if (handOver === undefined) {
      const over = () => this.#over(execution);
      handOver = new HandOver(execution, this.#background, this.#scheduler, over);
      this.#open.set(execution, handOver);
    }
    return handOver;
  }

  get size(): number {
    return this.#open.size;
  }

  close(): void {
    for (const handOver of [...this.#open.values()]) handOver.stop();
  }

  #over(execution: Execution): void {
    this.#open.delete(execution);
    this.#drain.check();
    if (execution.task) this.#adopted(execution);
  }

  /** The turn may have been aborted while the task was being written. */
  #adopted({ turnAbort, task, call, outcome }: Execution): void {
    if (turnAbort === undefined || task === undefined || outcome !== undefined) return;
    const { id, cancel } = task.info();
    if (cancel) return;
    this.#cancelling.byTurn(call.scope, id, turnAbort.at);
  }
}
