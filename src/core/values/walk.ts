/** Where a value stands. The root is null. */
export type Place = Step | null;

/** The place as a JSON Pointer (RFC 6901): "" for the root, "/a~1b/0" below it. */
export function pointer(place: Place): string {
  if (place === null) return "";
  return `${pointer(place.up)}/${escaped(String(place.key))}`;
}

/** One walk through a value. */
export class Walk {
  readonly dropUndefined: boolean;
  /** How much is written of either end of a text that does not fit, in UTF-16 code units. 0: none of it. */
  readonly ends: number;
  /** The objects that the walk is inside of, from the root down, each with its place. */
  readonly open = new Map<object, Place>();
  #lossy: Set<string> | undefined;
  #nodesLeft: number;
  #textLeft: number;
  #notes = 0;
  #leftOut = 0;
  #isCounted = true;

  constructor({ dropUndefined = false, keep }: { dropUndefined?: boolean; keep?: number }) {
    this.dropUndefined = dropUndefined;
    this.ends = Math.ceil((keep ?? 0) / 2);
    this.#textLeft = Math.min(MAX_TEXT, (keep ?? MAX_TEXT) * WALKED_OF_KEPT);
    this.#nodesLeft = Math.min(MAX_NODES, this.#textLeft / CHARS_OF_NODE);
  }

  /** How many more values there is room for. */
  get nodesLeft(): number {
    return this.#nodesLeft;
  }

  /** Bytes of the value's JSON text that stand in none of what is written: at least as many, unless `isCounted`. */
  get leftOut(): number {
    return this.#leftOut;
  }

  get isCounted(): boolean {
    return this.#isCounted;
  }

  /** Whether a limit is reached, so that only markers are left to say. */
  get full(): boolean {
    return this.#nodesLeft <= 0 || this.#textLeft <= 0;
  }

  /** The paths noted so far; a last "…" when there were more than are kept. */
  get lossy(): string[] {
    return this.#lossy === undefined ? [] : [...this.#lossy];
  }

  /** Counts one more value. False when there is no room left for it. */
  visit(): boolean {
    if (this.full) return false;
    this.#nodesLeft -= 1;
    return true;
  }

  /** Counts a text of so many UTF-16 code units. False when there is no room left for it. */
  fits(length: number): boolean {
    const fits = length <= this.#textLeft;
    if (fits) this.#textLeft -= length;
    return fits;
  }

  /** Counts the two ends that are written of a text. `length`: of what is left out between them. */
  leaveOut(length: number, isCounted: boolean): void {
    this.#textLeft -= 2 * this.ends;
    this.#leftOut += length;
    this.#isCounted &&= isCounted;
  }

  /** There is room for nothing more. `marker`: the bytes that say so in the value's place. */
  end(marker: number): void {
    this.#textLeft = 0;
    this.#leftOut -= marker;
    this.#isCounted = false;
  }

  /** Notes that the value at a place is not carried as it is. */
  note(place: Place): void {
    this.#lossy ??= new Set();
    if (this.#lossy.has(MORE)) return;
    this.#notes += 1;
    const path = shortPointer(place);
    if (this.#notes > MAX_NOTES) this.#lossy.add(MORE);
    else if (!this.#lossy.has(path)) this.#lossy.add(this.#lossy.size < MAX_LOSSY ? path : MORE);
  }
}

/** The bookkeeping of one walk through a value: where it is, what it may spend, what it could not carry. */

const MAX_NODES = 1_000_000;
/** In UTF-16 code units: even with every one of them escaped, the JSON text still fits a string. */
export const MAX_TEXT = 64 * 1024 * 1024;
/** What is walked is so many times as much as what is kept. */
const WALKED_OF_KEPT = 4;
/** At least, with the comma. */
const CHARS_OF_NODE = 2;
const MAX_LOSSY = 100;
/** Many may have one path. */
const MAX_NOTES = 1_000;
const MORE = "…";
/** In UTF-16 code units: keys may be as long as the value itself. */
const MAX_PATH = 256;

/** A place as {@link pointer} has it, or, where that is too long, what the place is part of. */
function shortPointer(place: Place): string {
  const keys: string[] = [];
  for (let step = place; step !== null; step = step.up) keys.push(String(step.key));
  let path = "";
  for (const key of keys.reverse()) {
    if (key.length >= MAX_PATH) return path;
    const next = `${path}/${escaped(key)}`;
    if (next.length > MAX_PATH) return path;
    path = next;
  }
  return path;
}

function escaped(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** One step down from the root. */
interface Step {
  readonly up: Place;
  readonly key: string | number;
}
