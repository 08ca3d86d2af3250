import { vi } from "vitest";

/** For as long as a machine may stand still that others load too, and less than a test may take. */
const WITHIN_MS = 15_000;

/** Waits for a check to pass, which it does at once where the machine is fast. */
export function until<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: WITHIN_MS });
}
