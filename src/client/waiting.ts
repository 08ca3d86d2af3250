import type { Signal } from "./fetch.ts";

/** Calls `listener` when the signal is aborted, at once where it is. Returns how to stop. */
export function onAbort(signal: Signal | undefined, listener: () => void): () => void {
  if (signal?.aborted) listener();
  signal?.addEventListener("abort", listener);
  return () => signal?.removeEventListener("abort", listener);
}

/** Waits until `begin` resolves it, which returns how to clean up. Rejects with the signal's reason when it is aborted. */
export async function until(
  signal: Signal | undefined,
  begin: (resolve: () => void) => () => void,
): Promise<void> {
  let stops: (() => void)[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      stops = [onAbort(signal, () => reject(signal?.reason)), begin(resolve)];
    });
  } finally {
    for (const stop of stops) stop();
  }
}

export function pause(ms: number, signal: Signal | undefined): Promise<void> {
  return until(signal, (resolve) => {
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
