/** Bytes that wait for a reader, in their order. */
export class Backlog {
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.byteLength;
  }

  /** As many chunks as fit into `most` bytes, in one piece; of one that is larger, the beginning. */
  take(most: number): Uint8Array {
    const [first] = this.#chunks;
    const piece = first && first.byteLength > most ? this.#beginningOf(first, most) : this.#whole(most);
    this.#bytes -= piece.byteLength;
    return piece;
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#bytes = 0;
  }

  #beginningOf(chunk: Uint8Array, bytes: number): Uint8Array {
    this.#chunks[0] = chunk.subarray(bytes);
    return chunk.subarray(0, bytes);
  }

  #whole(most: number): Uint8Array {
    let bytes = 0;
    const end = this.#chunks.findIndex((chunk) => {
      bytes += chunk.byteLength;
      return bytes > most;
    });
    return joined(this.#chunks.splice(0, end === -1 ? this.#chunks.length : end));
  }
}

/** Chunks are shared by many readers, who mostly take the same: what has been joined for one is given to the others. */
function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const [first] = chunks;
  if (first === undefined) return NOTHING;
  if (chunks.length === 1) return first;
  const last = joints.get(first);
  if (last !== undefined && areSame(last.chunks, chunks)) return last.whole;
  const whole = concatenated(chunks);
  joints.set(first, { chunks, whole });
  return whole;
}

/** The last that was joined, by its first chunk. */
const joints = new WeakMap<Uint8Array, { chunks: readonly Uint8Array[]; whole: Uint8Array }>();

const NOTHING = new Uint8Array();

function areSame(some: readonly Uint8Array[], others: readonly Uint8Array[]): boolean {
  return some.length === others.length && some.every((chunk, index) => chunk === others[index]);
}

function concatenated(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((bytes, chunk) => bytes + chunk.byteLength, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}
