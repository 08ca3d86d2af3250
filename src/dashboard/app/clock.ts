import { signal } from "@preact/signals";

/** The time, by the second. Only what shows a time reads it: a row is not drawn anew because a second has passed. */
export const now = signal(Date.now());

export function keepTime(): void {
  setInterval(() => {
    if (!document.hidden) now.value = Date.now();
  }, 1_000);
}
