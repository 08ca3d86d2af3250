export function toKey(text: string): string {
  return text.replace(ESCAPED, (unit) => {
    const code = unit.charCodeAt(0);
    const [lead, first] = code < 0x20 ? [LOW, 0] : [HIGH, 0xd7ff];
    return lead + String.fromCharCode(BASE + code - first);
  });
}

export function fromKey(key: string): string {
  return key.replace(PAIR, (_pair, lead: string, last: string) => {
    const offset = last.charCodeAt(0) - BASE;
    return String.fromCharCode(lead === LOW ? offset : 0xd7ff + offset);
  });
}

/**
 * Texts as PostgreSQL keeps them: neither NUL nor half a surrogate pair may be among their characters.
 *
 * Keys are compared, so their order is kept too: that of UTF-16 code units, although PostgreSQL goes by bytes of
 * UTF-8. Control characters and all from U+D7FF to the end of the surrogates become two characters each; every
 * other key stands as it is.
 */

const ESCAPED = /[^ -\ud7fe\ue000-\uffff]/g;
const PAIR = /([^ -\ud7fe\ue000-\uffff])(.)/g;
const LOW = "\u0001";
const HIGH = "\ud7ff";
const BASE = 0x21;

const AS_JSON = "\u0001";

/** A text that is only kept: it stands as it is unless it cannot. */
export function toText(text: string): string {
  const isPlain = !text.includes("\0") && !/\p{Cs}/u.test(text) && !text.startsWith(AS_JSON);
  return isPlain ? text : AS_JSON + JSON.stringify(text);
}

export function fromText(text: string): string {
  return text.startsWith(AS_JSON) ? JSON.parse(text.slice(1)) : text;
}

/** A session as a part of keys: the id behind a colon, or nothing for none. */
export function toSessionKey(sessionId: string | null): string {
  return sessionId === null ? "" : `:${toKey(sessionId)}`;
}

export function fromSessionKey(key: string): string | null {
  return key === "" ? null : fromKey(key.slice(1));
}
