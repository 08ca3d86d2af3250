import type { Answer, Written } from "./response.ts";

/** How many bodies are kept, and of how many characters at most. */
const KEPT = 100;
const MAX_LENGTH = 32_768;

const encoder = new TextEncoder();

/**
 * Clients ask for a list again and again, and it seldom changes. To see that it is as it was takes a fraction
 * of the time it takes to write and hash it, so the newest are kept as they were written.
 */
export class Writer {
  readonly #kept = new Map<string, Written & { body: unknown }>();

  /** The answer's key only tells which body to compare with; what is equal is written alike. */
  async write({ body, key }: Answer): Promise<Written> {
    const last = key === undefined ? undefined : this.#kept.get(key);
    if (last && isEqual(last.body, body)) return last;
    const text = JSON.stringify(body);
    const written = { body, text, etag: await etagOf(text) };
    if (key !== undefined && text.length <= MAX_LENGTH) this.#keep(key, written);
    return written;
  }

  #keep(key: string, written: Written & { body: unknown }): void {
    this.#kept.delete(key);
    this.#kept.set(key, written);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT && oldest !== undefined) this.#kept.delete(oldest);
  }
}

/** Weak, because what stands between us and the client may compress the bytes that were hashed. */
async function etagOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", encoder.encode(text));
  return `W/"${btoa(String.fromCharCode(...new Uint8Array(digest, 0, 15)))}"`;
}

/** Whether two plain JSON values have the same text, the order of their keys included. */
function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (!isObject(a) || !isObject(b) || Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  const others = Object.keys(b);
  if (keys.length !== others.length) return false;
  return keys.every((key, index) => key === others[index] && isEqual(a[key], b[key]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
