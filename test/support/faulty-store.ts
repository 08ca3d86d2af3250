import type { TaskStore } from "../../src/core/model/store.ts";

/** What goes wrong with one call of a store; `run` is the call as it should be. */
export type Fault = <Answer>(run: () => Promise<Answer>) => Promise<Answer>;

export type Operation = Exclude<keyof TaskStore, "watch" | "close">;

export interface FaultyStore extends TaskStore {
  /** The next calls of an operation go wrong, one fault each; those after them are sound again. */
  next(operation: Operation, ...faults: Fault[]): void;
  /** Every call of an operation goes wrong from now on; without a fault, none does any more. */
  always(operation: Operation, fault?: Fault): void;
  /** What was asked, in order. */
  readonly asked: { operation: Operation; args: readonly unknown[] }[];
}

export const rejects: Fault = async () => {
  throw new Error("The disk is full.");
};

export const neverAnswers: Fault = () => new Promise(() => undefined);

/** The write is done, and then the connection breaks. */
export const losesAnswer: Fault = async (run) => {
  await run();
  throw new Error("The connection was reset.");
};

/** The write is done at once, and its answer is long on the way. */
export function answersAfter(ms: number): Fault {
  return async (run) => {
    const answer = await run();
    await sleep(ms);
    return answer;
  };
}

/** The call is long on the way to the store. */
export function arrivesAfter(ms: number): Fault {
  return async (run) => {
    await sleep(ms);
    return run();
  };
}

/**
 * A store in which one can make things go wrong.
 *
 * @example
 * const store = faultyStore(memoryStore());
 * store.next("insert", rejects, answersAfter(3_000));
 */
export function faultyStore(inner: TaskStore): FaultyStore {
  const coming = new Map<Operation, Fault[]>();
  const lasting = new Map<Operation, Fault>();
  const asked: FaultyStore["asked"] = [];
  const faulty =
    <Args extends unknown[], Answer>(operation: Operation, call: (...args: Args) => Promise<Answer>) =>
    (...args: Args): Promise<Answer> => {
      asked.push({ operation, args });
      const fault = coming.get(operation)?.shift() ?? lasting.get(operation);
      return fault ? fault(() => call(...args)) : call(...args);
    };
  const store: FaultyStore = {
    asked,
    next: (operation, ...faults) => {
      coming.set(operation, [...(coming.get(operation) ?? []), ...faults]);
    },
    always: (operation, fault) => {
      if (fault) lasting.set(operation, fault);
      else lasting.delete(operation);
    },
    isShared: inner.isShared,
    insert: faulty("insert", (...args) => inner.insert(...args)),
    get: faulty("get", (...args) => inner.get(...args)),
    list: faulty("list", (...args) => inner.list(...args)),
    transition: faulty("transition", (...args) => inner.transition(...args)),
    admit: faulty("admit", (...args) => inner.admit(...args)),
    append: faulty("append", (...args) => inner.append(...args)),
    events: faulty("events", (...args) => inner.events(...args)),
    result: faulty("result", (...args) => inner.result(...args)),
    changes: faulty("changes", (...args) => inner.changes(...args)),
    checkpoint: faulty("checkpoint", (...args) => inner.checkpoint(...args)),
    payload: faulty("payload", (...args) => inner.payload(...args)),
    renew: faulty("renew", (...args) => inner.renew(...args)),
    lapsed: faulty("lapsed", (...args) => inner.lapsed(...args)),
    claim: faulty("claim", (...args) => inner.claim(...args)),
    hold: faulty("hold", (...args) => inner.hold(...args)),
    extend: faulty("extend", (...args) => inner.extend(...args)),
    stopTurn: faulty("stopTurn", (...args) => inner.stopTurn(...args)),
    prolong: faulty("prolong", (...args) => inner.prolong(...args)),
    settle: faulty("settle", (...args) => inner.settle(...args)),
    resetTurns: faulty("resetTurns", (...args) => inner.resetTurns(...args)),
    sweep: faulty("sweep", (...args) => inner.sweep(...args)),
    close: () => inner.close(),
  };
  if (inner.watch) store.watch = (...listeners) => inner.watch?.(...listeners) ?? (() => undefined);
  return store;
}

/** The timer is looked up at each call, so that a fake one is used where a test has put it. */
function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
