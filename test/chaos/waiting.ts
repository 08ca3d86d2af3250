import { setTimeout as sleep } from "node:timers/promises";

/** How long anything may take. */
const PATIENCE_MS = 30_000;

/** Asks until it is so; false: it was not so in all that time. */
export async function untilTrue(isTrue: () => Promise<boolean>, everyMs: number): Promise<boolean> {
  const until = Date.now() + PATIENCE_MS;
  while (!(await isTrue().catch(() => false))) {
    if (Date.now() > until) return false;
    await sleep(everyMs);
  }
  return true;
}

/** Asks until nothing is left; false: in all that time it has not become less. On a busy machine much is slow. */
export async function untilNone(left: () => Promise<number>, everyMs: number): Promise<boolean> {
  let least = Number.POSITIVE_INFINITY;
  let last = least;
  const isLess = async () => {
    last = await left();
    return last < least;
  };
  while (last > 0) {
    if (!(await untilTrue(isLess, everyMs))) return false;
    least = last;
  }
  return true;
}

/** Resolves when a promise does, and anyway after some time. */
export async function patiently(promise: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const limit = sleep(PATIENCE_MS, undefined, { signal: over.signal }).catch(() => undefined);
  await Promise.race([promise, limit]);
  over.abort();
}
