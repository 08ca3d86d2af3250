/** Tells from the name of a key whether its value is a secret. */

import { HARMLESS, HARMLESS_ENDS, SECRET, SECRET_IN_FULL } from "./key-words.ts";

/**
 * Whether a key's value is a secret: its name says password, token, API key, cookie or the like, in any case
 * and however its words are joined. A number of tokens (`maxTokens`, or `tokens: 500`) is none, and neither is yes or no.
 */
export function isSecretKey(key: string, value?: unknown): boolean {
  const name = nameOf(key);
  const isNamedSo = ANY_IN_FULL.test(name) || (ANY_SECRET.test(name) && !ANY_HARMLESS.test(name));
  return isNamedSo && typeof value !== "boolean" && (typeof value !== "number" || !NUMBERS.test(name));
}

/** In UTF-16 code units. Names are shorter; what a text makes of one costs no more than its end. */
const MAX_NAME = 200;

const ANY_SECRET = new RegExp(SECRET);
const ANY_IN_FULL = new RegExp(SECRET_IN_FULL);
const ANY_HARMLESS = new RegExp(`${HARMLESS}|_(?:${HARMLESS_ENDS})_$`);
/** Several tokens are as well a number of them, and tests pass. */
const NUMBERS = /(?<!secret_|access_|refresh_)tokens_$|^_pass_$/;

const INVISIBLE = /[\p{Cf}\p{M}]+/gu;
const HUMP = /(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/gu;
const NOT_IN_A_WORD = /[^\p{L}\p{N}]+/gu;

function nameOf(key: string): string {
  const visible = key.slice(-MAX_NAME).replace(INVISIBLE, "");
  return `_${visible.replace(HUMP, "_")}_`.replace(NOT_IN_A_WORD, "_").toLowerCase();
}
