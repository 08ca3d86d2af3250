/** Masks the values of telling keys in a text: in JSON, in URLs and connection strings, in headers and command lines. */

import { isSecretKey } from "./keys.ts";
import { MASK } from "./mask.ts";
import { HEADER_VALUE, matchAt, QUOTE, REMARK, VALUE } from "./value.ts";

export function maskPairs(text: string): string {
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

const LETTER = "[\\w.-]";
/** Words without which the next one tells too little. */
const BEFORE =
  "(?:(?:api|access|auth|private|secret|signing|connection|seed|recovery|card|security|verification|time|max|total|" +
  "unexpected) )?";
/** `key=`, `key: `, `"key": `, `key => `, `<key>`, `key%3D` in a URL within a URL, and `"key", "value": `. */
const JOINT = `${QUOTE}?(?:,? ?${QUOTE}?value${QUOTE}?)?[ \\t]*(?:[:=]+>?|>|%3d|%3a)[ \\t]*`;
/** `key provided: `, and `key is ` where what comes looks like one. */
const SAID = ` (?:provided|given|received|used|is|was)(?::[ \\t]*| (?=${QUOTE}|[^\\s\\d]{0,40}\\d))`;
/** A command line's `--key `, also as a list of arguments: `"--key", "`. */
const FLAG = `--?${LETTER}+(?:[ \\t]+(?![ \\t]|--)|${QUOTE},[ \\t]?(?=${QUOTE}))`;
/** SQL's `password 'x'`. Of `token "x"` parsers complain. */
const QUOTES_NEXT = "(?:password|passphrase|pwd|api key)[ (](?=\\\\{0,8}[\"'`])";

const NAMED = `(?<name>${BEFORE}${LETTER}+)(?:${JOINT}|${SAID})`;
const PAIR = new RegExp(`(?<!${LETTER})(?:${QUOTES_NEXT}|${NAMED}|${FLAG})`, "gi");

const HEADER = /(?:authorization|cookie)$/i;
/** In the query of a URL, and in a connection string, these stand for more. */
const URL_KEY = /^(?:key|sign|appid)$/i;

/** The secret that follows a key, "" where there is none. */
function secretOf(pair: RegExpExecArray, text: string, at: number): string {
  const { name = pair[0] } = pair.groups ?? {};
  const inUrl = URL_KEY.test(name) && /[?&;]/.test(text.charAt(pair.index - 1));
  if (!(inUrl || isSecretKey(name)) || matchAt(REMARK, text, at) !== "") return "";
  const value = matchAt(HEADER.test(name) ? HEADER_VALUE : VALUE, text, at);
  return inUrl || isSecretKey(name, /^\d+$/.test(value) ? Number(value) : value) ? value : "";
}
