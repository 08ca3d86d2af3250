import type { Signal } from "./fetch.ts";
import { until } from "./waiting.ts";

/** What of a page's `document` tells whether it is seen; undefined outside of pages. */
export type Page =
  | {
      readonly visibilityState: string;
      addEventListener(type: "visibilitychange", listener: () => void): void;
      removeEventListener(type: "visibilitychange", listener: () => void): void;
    }
  | undefined;

/** Calls `listener` whenever the page is hidden or seen. Returns how to stop. */
export function onVisibility(page: Page, listener: () => void): () => void {
  page?.addEventListener("visibilitychange", listener);
  return () => page?.removeEventListener("visibilitychange", listener);
}

/** Resolves as soon as the page is seen. Rejects when the signal is aborted. */
export async function untilSeen(page: Page, signal: Signal): Promise<void> {
  if (isHidden(page))
    await until<void>(signal, (resolve) => onVisibility(page, () => isHidden(page) || resolve()));
}

export function isHidden(page: Page): boolean {
  return page?.visibilityState === "hidden";
}
