/** Milliseconds to wait before the next try, after so many failed ones. */
export function retryDelay(failures: number): number {
  return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1));
}

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 30_000;
