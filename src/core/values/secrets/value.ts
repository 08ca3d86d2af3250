/** How far a value reaches that follows a key in a text. */

/** A quote, as escaped as it stands in JSON, even JSON in JSON, in HTML or in a URL. */
export const QUOTE = "(?:\\\\{0,8}[\"'`]|&quot;|&#3[49];|%22)";

/** Up to the same quote; where that never comes, to the text's end. */
const TO_QUOTE = "[\\s\\S]*?(?:(?<!\\\\)\\k<quote>|$)";
/** Quoted: in SQL a quote that begins where the last one has ended is a sign in the text. Or a list or an object. */
const ENCLOSED = `(?<quote>${QUOTE})${TO_QUOTE}(?:\\k<quote>${TO_QUOTE})*|[“„«‘][^”»’“]*|[[{][\\s\\S]*`;

/** How a server is told who asks, or that a text of several lines follows: the secret comes after it. */
const PREFIX = "(?:(?:bearer|basic|digest|token|[|>][+-]?) +)?";
/** A quote, "&" or ";" belongs to it where the value plainly goes on. */
const INSIDE = "[^\\s&;\"'`]|[\"'`](?=\\w)|[&;](?=[^\\s&;=\"'`]+(?:[\\s&;\"'`]|$))";
/** Ends at a space, and before what closes or parts. */
const WORD = `${PREFIX}(?:${INSIDE})*[^\\s&;"'\`,.)\\]}]`;

export const VALUE = new RegExp(`${ENCLOSED}|${WORD}`, "iy");

/** A header's value is the rest of its line. */
export const HEADER_VALUE = new RegExp(`${ENCLOSED}|[^\\r\\n]+`, "y");

/** What is said of a secret, and is none. */
export const REMARK = /(?:is|must|not|required|invalid|missing|expired|yes|no|true|false)(?![\w.=+/-])/iy;

/** What matches there, "" if nothing does. @param pattern a sticky one */
export function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? "";
}
