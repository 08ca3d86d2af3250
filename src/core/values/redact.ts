/** Keeps secrets out of what is shown: the values of telling keys, and what looks like a secret inside a text. */

import { isSecretKey } from "./secrets/keys.ts";
import { MASK } from "./secrets/mask.ts";
import { maskPairs } from "./secrets/pairs.ts";
import { PLACES } from "./secrets/places.ts";
import { ignorePromise } from "./validate.ts";

/** A host's own masking: answers what to show for a property. If it throws, the property is masked. */
export type Redact = (key: string, value: unknown) => unknown;

/** What to show for a property: the host's redaction first, the built-in masking after it. Never throws. */
export function redactProperty(key: string, value: unknown, redact?: Redact): unknown {
  try {
    const shown = redact === undefined ? value : redact(key, value);
    if (shown !== value) ignorePromise(shown);
    return isSecretKey(key, shown) ? MASK : shown;
  } catch {
    return MASK;
  }
}

/**
 * Masks secrets inside free text. Where it cannot tell where a secret ends, it masks too much.
 *
 * It reads even a hostile text in linear time: a match can only start where a word does, and whatever a failed attempt
 * has read holds no other start.
 *
 * @example
 * maskText("https://bob:pw@example.com/?token=abc&page=2"); // "https://***@example.com/?token=***&page=2"
 */
export function maskText(text: string): string {
  const places = PLACES.reduce((masked, place) => masked.replace(place, `$1${MASK}`), text);
  return maskPairs(places);
}
