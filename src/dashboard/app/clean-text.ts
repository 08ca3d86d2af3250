/**
 * Text of tools and of users, as text and nothing else: sequences for terminals are left out, and what would change the
 * direction of a line, or cannot be seen, is shown by its number.
 */
export function cleanText(text: string): string {
  return shown(text.replace(SEQUENCE, ""));
}

/** The same for text that comes in pieces, whose ends may fall anywhere. */
export class TextCleaner {
  /** The beginning of a sequence. */
  #open = "";
  /** Half of something, whose other half may come behind a sequence. */
  #half = "";

  feed(chunk: string): string {
    const text = this.#open + chunk;
    const [open = ""] = OPEN_END.exec(text) ?? [];
    this.#open = open.length > LONGEST_SEQUENCE ? "" : open;
    const seen = this.#half + text.slice(0, text.length - this.#open.length).replace(SEQUENCE, "");
    [this.#half = ""] = HALF_END.exec(seen) ?? [];
    return shown(seen.slice(0, seen.length - this.#half.length));
  }

  /** What was held back, in case that it was no beginning of anything. */
  end(): string {
    const text = this.#half + this.#open;
    this.#half = this.#open = "";
    return cleanText(text);
  }
}

// biome-ignore-start lint/suspicious/noControlCharactersInRegex: they are what this is about
/** CSI, OSC and the others of their kind, and escapes of two characters. */
const SEQUENCE = /\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)|[ -/]*[0-Z\\^-~])/g;
/** A sequence that may go on in the next piece. */
const OPEN_END = /\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b]*\x1b?|[ -/]*)$/;
/** Half of the end of a line, or of a pair. */
const HALF_END = /[\r\ud800-\udbff]$/;
const CONTROL = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/g;
const INVISIBLE = /[\x80-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
// biome-ignore-end lint/suspicious/noControlCharactersInRegex: they are what this is about

const LONGEST_SEQUENCE = 4_100;

function shown(text: string): string {
  return text
    .replace(/\r\n?/g, "\n")
    .replace(CONTROL, (mark) => String.fromCharCode(mark === "\x7f" ? 0x2421 : 0x2400 + mark.charCodeAt(0)))
    .replace(INVISIBLE, (mark) => `[U+${mark.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}]`);
}
