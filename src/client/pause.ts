import type { Signal } from "./fetch.ts";

/**
 * Milliseconds until the next try: exponential, with full jitter, so that a thousand clients that lost a server at once do
 * not come back at once.
 */
export function backoffMs(failures: number, mostMs: number): number {
  return Math.random() * Math.min(mostMs, 500 * 2 ** failures);
}

/** Rejects with the signal's reason as soon as it is aborted. */
export function pause(ms: number, signal: Signal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", abort, { once: true });
  });
}
