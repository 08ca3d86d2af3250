/**
 * Why something failed. Errors of networks and databases say it in their causes, and clients throw what a server has
 * answered.
 */

/** One text that tells why, and what joins it to the one before. */
export interface Reason {
  joint: string;
  text: string;
}

/** All that tells why, the outermost first; at least one. Never throws, and never walks a large value. */
export function reasonsOf(thrown: unknown): [Reason, ...Reason[]] {
  const search = new Search();
  search.look(thrown);
  const [first, ...others] = search.found;
  return first === undefined ? [{ joint: "", text: bareText(thrown) }] : [first, ...others];
}

/** A readable message for whatever was thrown. Never throws itself. */
export function errorMessage(thrown: unknown): string {
  return reasonsOf(thrown)
    .map(({ joint, text }, index) => (index === 0 ? text : joint + text))
    .join("");
}

/** Where an error has its own words, and where the bodies that servers answer have theirs. */
const TEXTS = ["message", "detail", "msg", "text", "error_description", "title", "statusText"];
/** Where more is to be found: of whatever has words of its own, and of what has none. */
const CAUSES = ["cause", "errors"];
const BODIES = ["error", "message", "detail", "content", ...CAUSES];
/** Codes that name a reason: ECONNREFUSED, 23505. Those of Node's own errors name what their message says. */
const CODE = /^(?!ERR_)[A-Z\d_]{2,40}$/;

const MAX_DEPTH = 4;
const MOST_OF_A_LIST = 3;
const MOST_FOUND = 8;
const MOST_LOOKED_AT = 200;
const KEYS_NAMED = 5;
/** In UTF-16 code units. To look for one long text in another may take as many steps as their lengths multiplied. */
const MOST_COMPARED = 512;
const MOST_SEARCHED = 4_096;

/** Goes from cause to cause. */
class Search {
  readonly found: Reason[] = [];
  #lookedAt = 0;

  look(value: unknown, joint = ": ", depth = 0): void {
    this.#lookedAt += 1;
    const isOver = this.found.length >= MOST_FOUND || this.#lookedAt > MOST_LOOKED_AT;
    if (depth > MAX_DEPTH || isOver) return;
    if (typeof value === "string") this.#add(value, joint);
    else if (isList(value)) this.#lookAtItems(value, joint, depth);
    else if (isObject(value)) this.#lookInto(value, joint, depth);
  }

  #lookInto(value: object, joint: string, depth: number): void {
    const words = ownWords(value);
    this.#add(words, joint);
    for (const key of words === "" ? BODIES : CAUSES) this.look(read(value, key), ": ", depth + 1);
  }

  #lookAtItems(list: readonly unknown[], joint: string, depth: number): void {
    const before = this.found.length;
    const count = lengthOf(list);
    for (let index = 0; index < Math.min(count, MOST_OF_A_LIST); index += 1) {
      const item = read(list, `${index}`);
      this.look(item, this.found.length === before ? joint : "; ", isList(item) ? depth + 1 : depth);
    }
    const hasFound = this.found.length > before;
    if (hasFound && count > MOST_OF_A_LIST) this.#add(`${count - MOST_OF_A_LIST} more`, "; ");
  }

  /** What has been said already is not said again: many errors have the message of their cause in their own. */
  #add(text: string, joint: string): void {
    if (text !== "" && !this.found.some((said) => isPartOf(said.text, text)))
      this.found.push({ joint, text });
  }
}

/** As far as that is looked at. */
function isPartOf(whole: string, part: string): boolean {
  return whole.slice(0, MOST_SEARCHED).includes(part.slice(0, MOST_COMPARED));
}

function ownWords(value: object): string {
  const text = TEXTS.map((key) => textProperty(value, key)).find((found) => found !== "") ?? "";
  const code = textProperty(value, "code");
  if (!CODE.test(code) || text.includes(code)) return text;
  return text === "" ? code : `${text} (${code})`;
}

/** Of what says nothing: its name, its own text, or what it is. */
function bareText(thrown: unknown): string {
  try {
    return isObject(thrown) ? textProperty(thrown, "name") || textOf(thrown) : String(thrown);
  } catch {
    return "unreadable error";
  }
}

function textOf(thrown: object): string {
  // A list's own text is all of its items', however many and however deep they are.
  if (isList(thrown)) return `a list of ${thrown.length}`;
  if (ArrayBuffer.isView(thrown)) return `${thrown.byteLength} bytes`;
  const text = String(thrown);
  if (text !== "[object Object]") return text;
  const keys = Object.keys(thrown).slice(0, KEYS_NAMED);
  return keys.length === 0 ? "an object without a message" : `an object with ${keys.join(", ")}`;
}

function textProperty(holder: object, key: string): string {
  const value = read(holder, key);
  return typeof value === "string" ? value : "";
}

function read(holder: object, key: string): unknown {
  try {
    return Reflect.get(holder, key);
  } catch {
    return undefined;
  }
}

/** A proxy may answer anything. */
function lengthOf(list: readonly unknown[]): number {
  const length = read(list, "length");
  return typeof length === "number" ? length : 0;
}

function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

/** A proxy that was revoked is none. */
function isList(value: unknown): value is readonly unknown[] {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}
