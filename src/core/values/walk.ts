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
  /** The objects that the walk is inside of, from the root down, each with its place. */
  readonly open = new Map<object, Place>();
  #lossy: Set<string> | undefined;
  #nodesLeft = MAX_NODES;
  #textLeft = MAX_TEXT;
  #notes = 0;

  constructor({ dropUndefined = false }: { dropUndefined?: boolean }) {
    this.dropUndefined = dropUndefined;
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

  /** Counts a text. False when there is no room left for it, nor then for anything after it. */
  fits(text: string): boolean {
    const fits = text.length <= this.#textLeft;
    this.#textLeft = fits ? this.#textLeft - text.length : 0;
    return fits;
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
const MAX_TEXT = 64 * 1024 * 1024;
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
