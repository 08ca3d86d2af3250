import type { Signal } from "./fetch.ts";
import { until } from "./waiting.ts";

/** What of a page's `document` tells whether it is seen. */
interface PageDocument {
  readonly visibilityState: string;
  addEventListener(type: "visibilitychange", listener: () => void): void;
  removeEventListener(type: "visibilitychange", listener: () => void): void;
}

/** Calls `listener` with whether the page is hidden, whenever that changes; never outside of a page. Returns how to stop. */
export function onVisibility(listener: (isHidden: boolean) => void): () => void {
  const page = pageDocument();
  const changed = () => listener(isHidden());
  page?.addEventListener("visibilitychange", changed);
  return () => page?.removeEventListener("visibilitychange", changed);
}

/** Resolves as soon as the page is seen. Rejects when the signal is aborted. */
export async function untilSeen(signal: Signal | undefined): Promise<void> {
  if (isHidden()) await until(signal, (resolve) => onVisibility((hidden) => hidden || resolve()));
}

function isHidden(): boolean {
  return pageDocument()?.visibilityState === "hidden";
}

function pageDocument(): PageDocument | undefined {
  return (globalThis as { document?: PageDocument }).document;
}
