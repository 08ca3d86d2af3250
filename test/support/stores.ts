import type { TaskStore } from "../../src/core/model/store.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { restlessStore } from "./restless-store.ts";

/** A store that several managers share, as processes do. */
export function sharedMemoryStore(): TaskStore {
  return { ...memoryStore(), isShared: true };
}

/** The stores on which every rule has to hold, for `describe.each`. */
export const STORES: { name: string; makeStore: () => TaskStore }[] = [
  { name: "the memory store", makeStore: () => memoryStore() },
  { name: "a restless store", makeStore: () => restlessStore(memoryStore()) },
];
