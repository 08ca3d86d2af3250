/**
 * Keeps secrets out of what is shown: the values of telling keys, and what looks like a secret inside a text.
 * The patterns read even a hostile text in linear time: a match can only start where a word does, and
 * whatever a failed attempt has read holds no other start.
 */

import { ignorePromise } from "./validate.ts";

/** What stands in a secret's place. */
export const MASK = "***";

/** A host's own masking: answers what to show for a property. If it throws, the property is masked. */
export type Redact = (key: string, value: unknown) => unknown;

/**
 * Whether a key's value is a secret: its name says password, token, API key, cookie or the like, in any case
 * and however its words are joined. A number of tokens (`maxTokens: 500`) is none.
 */
export function isSecretKey(key: string, value?: unknown): boolean {
  const name = key.toLowerCase().replace(NOT_IN_A_NAME, "");
  return SECRET.test(typeof value === "number" ? name.replace(TOKEN_COUNT, "") : name);
}

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
 * @example
 * maskText("https://bob:pw@example.com/?token=abc&page=2"); // "https://***@example.com/?token=***&page=2"
 */
export function maskText(text: string): string {
  const withoutCredentials = text.replace(URL_CREDENTIALS, `://${MASK}@`);
  return maskPairs(withoutCredentials).replace(BEARER, `$1 ${MASK}`);
}

const SECRET =
  /passw(or)?d|passphrase|passcode|pwd|token|secret|(api|access|private)key|authorization|cookie|credential|creds$|bearer|jwt|^(pass|auth|otp|pin)$/;
const NOT_IN_A_NAME = /[^\p{L}\p{N}]/gu;
const TOKEN_COUNT = /tokens|token(count|limit|budget|usage|size|index)|(max|min|num|total)token/g;
const HEADER = /authorization|cookie/i;

const URL_CREDENTIALS = /:\/\/[^\s/?#"'<>]*@/g;
const BEARER = /\b(bearer)[ \t]+[^\s"',;]+/gi;

/** `key=`, `key: `, `"key": `, `key => `, `api key: `; or a command line's `--key `. */
const KEY = /(?:(?:api|access|private) )?[\w.-]+\\*["'`]?[ \t]*[:=]+>?[ \t]*/;
const FLAG = /--?[\w.-]+[ \t]+(?![ \t]|--)/;
const PAIR = new RegExp(`(?<![\\w.-])(?:${KEY.source}|(?<flag>${FLAG.source}))`, "gi");

/** A quoted value ends at the same quote, as escaped as the first one; a list or an object with the text. */
const QUOTED = /(?<quote>\\*["'`])[\s\S]*?(?:(?<!\\)\k<quote>|$)/;
const BRACKETED = /[[{][\s\S]*/;
const WORD = /(?:(?:bearer|basic) +)?[^\s&;"'`]*[^\s&;"'`,.)\]}]/;
const VALUE = new RegExp(`${QUOTED.source}|${BRACKETED.source}|${WORD.source}`, "iy");
const HEADER_VALUE = new RegExp(`${QUOTED.source}|${BRACKETED.source}|[^\\r\\n]+`, "y");

function maskPairs(text: string): string {
  let masked = "";
  let copied = 0;
  PAIR.lastIndex = 0;
  for (let pair = PAIR.exec(text); pair !== null; pair = PAIR.exec(text)) {
    const value = secretOf(pair, text, PAIR.lastIndex);
    if (value === "") continue;
    masked += text.slice(copied, PAIR.lastIndex) + MASK;
    PAIR.lastIndex += value.length;
    copied = PAIR.lastIndex;
  }
  return masked + text.slice(copied);
}

/** The secret that follows a key, "" where there is none. */
function secretOf(pair: RegExpExecArray, text: string, at: number): string {
  const [key] = pair;
  const { flag } = pair.groups ?? {};
  if (!isSecretKey(key)) return "";
  const isHeader = flag === undefined && HEADER.test(key);
  const value = matchAt(isHeader ? HEADER_VALUE : VALUE, text, at);
  return isSecretKey(key, numberOr(value)) ? value : "";
}

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? "";
}

function numberOr(text: string): unknown {
  return /^\d+$/.test(text) ? Number(text) : text;
}
