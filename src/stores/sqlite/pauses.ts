/** How long to wait for other processes, time after time. Those who wait must not all come back at once. */
export class Pauses {
  #longestMs = FIRST_MS;

  next(): number {
    const longestMs = this.#longestMs;
    this.#longestMs = Math.min(2 * longestMs, LAST_MS);
    return Math.random() * longestMs;
  }

  reset(): void {
    this.#longestMs = FIRST_MS;
  }
}

const FIRST_MS = 2;
const LAST_MS = 25;
