import type { Signal } from "./fetch.ts";

/** Calls `listener` when the signal is aborted, at once where it is. Returns how to stop. */
export function onAbort(signal: Signal | undefined, listener: () => void): () => void {
  if (signal?.aborted) listener();
  signal?.addEventListener("abort", listener);
  return () => signal?.removeEventListener("abort", listener);
}

/** Waits until `begin` settles it, which returns how to clean up. Rejects with the signal's reason when it is aborted. */
export function until<Value>(
  signal: Signal | undefined,
  begin: (resolve: (value: Value) => void, reject: (reason: unknown) => void) => () => void,
): Promise<Value> {
  let stops: (() => void)[] = [];
  const settled = new Promise<Value>((resolve, reject) => {
    stops = [onAbort(signal, () => reject(signal?.reason)), begin(resolve, reject)];
  });
  return settled.finally(() => {
    for (const stop of stops) stop();
  });
}

export function pause(ms: number, signal: Signal | undefined): Promise<void> {
  return until<void>(signal, (resolve) => {
    // What a timer cannot hold it would not wait for at all.
    const timer = setTimeout(resolve, Math.min(ms, 2 ** 31 - 1));
    return () => clearTimeout(timer);
  });
}

/**
 * Milliseconds until the next try: exponential, with full jitter, so that a thousand clients that lost a server at once do
 * not come back at once.
 */
export function backoffMs(failures: number): number {
  return Math.random() * Math.min(MOST_BACKOFF_MS, 500 * 2 ** failures);
}

export const MOST_BACKOFF_MS = 10_000;

export function ignore(): void {}
