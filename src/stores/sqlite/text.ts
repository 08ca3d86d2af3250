export function encodeText(text: string): string {
  return text.replace(UNSAFE, (unsafe) => {
    const code = unsafe.charCodeAt(0);
    if (code < 2) return `\u0001${code}`;
    return `\ud7ff${String.fromCharCode(code - FIRST_SURROGATE + STAND_INS)}`;
  });
}

export function decodeText(text: string): string {
  return text.replace(ESCAPED, (_escape, low?: string, standIn?: string) => {
    if (standIn === undefined) return String.fromCharCode(Number(low));
    return String.fromCharCode(standIn.charCodeAt(0) - STAND_INS + FIRST_SURROGATE);
  });
}

/** Unlike a NULL, it can be compared and be part of a key. */
export function encodeNullable(text: string | null): string {
  return text === null ? NOTHING : encodeText(text);
}

/**
 * Drivers cut a text at its first NUL, and turn lone surrogates, which UTF-8 has not, into U+FFFD: two names
 * would become one. Names are therefore kept with these escaped. What is kept as JSON needs none of it.
 *
 * Each escape begins with a character that comes right before or at what it stands for, so that texts have
 * the same order with it as without it: that of their code points.
 */

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const UNSAFE = /[\u0000\u0001\ud7ff]|\p{Cs}/gu;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const ESCAPED = /\u0001([01])|\ud7ff(.)/gsu;

const FIRST_SURROGATE = 0xd800;
/** The first of the characters that stand for surrogates; the one before it stands for U+D7FF itself. */
const STAND_INS = 0x100;

/** Stands for `null`: no text is encoded like this. */
const NOTHING = "\u0001";
