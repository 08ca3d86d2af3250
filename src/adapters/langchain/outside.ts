import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons";

/**
 * Does work outside of the run that is going on, and gives it a way back in. LangGraph takes an agent for a part
 * of the run in whose async context it is invoked, and keeps its messages apart: a dispatcher that learns of a
 * task's end within a tool call's context would have its turns there.
 */
export function outside<T>(work: (inside: <R>(part: () => R) => R) => T): T {
  const storage = AsyncLocalStorageProviderSingleton.getInstance();
  const run = storage.getStore();
  return storage.run(undefined, () => work((part) => storage.run(run, part)));
}
