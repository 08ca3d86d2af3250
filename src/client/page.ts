import type { Signal } from "./fetch.ts";

/** What of a page's `document` tells whether it is seen. */
interface PageDocument {
  readonly visibilityState: string;
  addEventListener(type: "visibilitychange", listener: () => void): void;
  removeEventListener(type: "visibilitychange", listener: () => void): void;
}

/** Calls `listener` whenever the page is hidden or seen again; never outside of a page. Returns how to stop. */
export function onVisibility(listener: (isHidden: boolean) => void): () => void {
  const page = pageDocument();
  const changed = () => listener(page?.visibilityState === "hidden");
  page?.addEventListener("visibilitychange", changed);
  return () => page?.removeEventListener("visibilitychange", changed);
}

/** Resolves as soon as the page is seen, at once where it is. Rejects when the signal is aborted. */
export function untilSeen(signal: Signal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (pageDocument()?.visibilityState !== "hidden") return resolve();
    const abort = () => {
      stop();
      reject(signal?.reason);
    };
    const stop = onVisibility((isHidden) => {
      if (isHidden) return;
      stop();
      signal?.removeEventListener("abort", abort);
      resolve();
    });
    signal?.addEventListener("abort", abort, { once: true });
  });
}

function pageDocument(): PageDocument | undefined {
  return (globalThis as { document?: PageDocument }).document;
}
