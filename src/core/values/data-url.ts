/** Bytes as the text of a data URL, of which only that is made which is read. */
export class DataUrl {
  readonly #bytes: Uint8Array;

  constructor(buffer: ArrayBufferLike, offset = 0, length = buffer.byteLength) {
    this.#bytes = new Uint8Array(buffer, offset, length);
  }

  get length(): number {
    return PREFIX.length + Math.ceil(this.#bytes.length / BYTES) * CHARS;
  }

  /** As that of a text. */
  slice(start: number, end: number): string {
    const from = Math.max(0, start - PREFIX.length);
    const to = Math.max(0, end - PREFIX.length);
    const first = Math.floor(from / CHARS);
    const base64 = base64Of(this.#bytes.subarray(first * BYTES, Math.ceil(to / CHARS) * BYTES));
    return PREFIX.slice(start, end) + base64.slice(from - first * CHARS, to - first * CHARS);
  }
}

const PREFIX = "data:application/octet-stream;base64,";
/** Of which base64 makes as many characters. */
const BYTES = 3;
const CHARS = 4;
/** A multiple of three, so that the base64 of pieces joins up. */
const PIECE_BYTES = 12_288;

function base64Of(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    const piece = bytes.subarray(at, at + PIECE_BYTES);
    // Spread, they would take seven times as long.
    pieces.push(btoa(String.fromCharCode.apply(null, piece as unknown as number[])));
  }
  return pieces.join("");
}
