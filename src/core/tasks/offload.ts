import type { Offloader } from "../calls/race.ts";
import type { RunningCall } from "../calls/running-calls.ts";
import type { KeepContext } from "../time/async-context.ts";
import type { Clock } from "../time/clock.ts";
import type { Idle } from "../time/idle.ts";
import { Chain } from "../values/chain.ts";
import type { Canceller } from "./cancel.ts";
import { HandOver, type HandOverParts } from "./hand-over.ts";
import type { PromiseWatch } from "./promise-watch.ts";

/** The slow calls on their way into the background. */
export class TaskOffloader implements Offloader {
  readonly clock: Clock;
  readonly keepContext: KeepContext;
  readonly #parts: TaskOffloaderParts;
  readonly #open = new Chain<HandOver>();

  constructor(parts: TaskOffloaderParts) {
    this.clock = parts.clock;
    this.keepContext = parts.keepContext;
    this.#parts = parts;
  }

  get size(): number {
    return this.#open.size;
  }

  handOver(call: RunningCall, isExempt: boolean): void {
    if (call.task) this.#adopted(call);
    else (call.handOver ?? this.#begin(call)).request(isExempt);
  }

  close(): void {
    for (const handOver of [...this.#open]) handOver.stop();
  }

  #begin(call: RunningCall): HandOver {
    const handOver: HandOver = new HandOver(call, this.#parts, () => this.#over(call, handOver));
    this.#open.add(handOver);
    call.handOver = handOver;
    return handOver;
  }

  #over(call: RunningCall, handOver: HandOver): void {
    this.#open.delete(handOver);
    call.handOver = undefined;
    this.#parts.idle.check();
    if (call.task === undefined) return;
    this.#parts.promises.made(call.execution.call.scope, call.task.info().id);
    this.#adopted(call);
  }

  /** The turn may have been aborted while the task was being written. */
  #adopted({ execution, task, turnAbortedAt }: RunningCall): void {
    if (turnAbortedAt === undefined || task === undefined || execution.outcome !== undefined) return;
    const { id, cancel } = task.info();
    if (cancel) return;
    this.#parts.canceller.byTurn(execution.call.scope, id, turnAbortedAt);
  }
}

interface TaskOffloaderParts extends HandOverParts {
  readonly canceller: Canceller;
  readonly idle: Idle;
  readonly promises: PromiseWatch;
}
