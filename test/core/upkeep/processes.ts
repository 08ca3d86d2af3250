import type { TaskStore } from "../../../src/core/model/store.ts";
import type { BackgroundTaskManagerOptions } from "../../../src/index.ts";
import { faultyStore, neverAnswers } from "../../support/faulty-store.ts";
import { restlessStore } from "../../support/restless-store.ts";
import { type Scene, sceneOf } from "../../support/scene.ts";
import { sharedMemoryStore } from "../../support/stores.ts";

/** Short, so that a process is soon taken for dead. */
export const LEASE_MS = 3_000;

/** The stores through which several processes work together, for `describe.each`. */
export const SHARED_STORES: { name: string; makeStore: () => TaskStore }[] = [
  { name: "a shared store", makeStore: sharedMemoryStore },
  { name: "a restless shared store", makeStore: () => restlessStore(sharedMemoryStore()) },
];

/** Makes processes that all use the store of the test. */
export function processesOn(storeOfTest: () => TaskStore) {
  const processOf = (options: BackgroundTaskManagerOptions = {}): Scene =>
    sceneOf({ store: storeOfTest(), leaseMs: LEASE_MS, ...options });

  /** A process that dies when told to: from then on nothing of it reaches the store. */
  function mortal(options: BackgroundTaskManagerOptions = {}) {
    const line = faultyStore(storeOfTest());
    const operations = [
      "insert",
      "get",
      "transition",
      "admit",
      "append",
      "renew",
      "lapsed",
      "sweep",
      "checkpoint",
    ] as const;
    const die = () => {
      for (const operation of operations) line.always(operation, neverAnswers);
    };
    return { ...processOf({ ...options, store: line }), die };
  }

  return { processOf, mortal };
}
