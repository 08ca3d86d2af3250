import type { TaskStore } from "../../src/core/store.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { restlessStore } from "./restless-store.ts";

/** The stores on which every rule has to hold, for `describe.each`. */
export const STORES: { name: string; makeStore: () => TaskStore }[] = [
  { name: "the memory store", makeStore: () => memoryStore() },
  { name: "a restless store", makeStore: () => restlessStore(memoryStore()) },
];
