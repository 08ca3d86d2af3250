/**
 * Whatever a tool returned, as JSON text. Nothing becomes `{}` or `null` in silence: what JSON cannot carry
 * becomes a text that says what was there, and the JSON Pointer (RFC 6901) of its place in that text stands
 * in `lossy`.
 *
 * | what was returned                          | what is kept                                               |
 * | ------------------------------------------ | ---------------------------------------------------------- |
 * | undefined, an array's holes                | "[undefined]"                                              |
 * | a function, a symbol                       | "[Function name]", "[Symbol(x)]"                           |
 * | a bigint                                   | "[BigInt 123]"                                             |
 * | NaN, ±Infinity                             | "[NaN]", "[Infinity]", "[-Infinity]"                       |
 * | -0                                         | 0, not lossy                                               |
 * | a Date                                     | its ISO text, or "[Date invalid]"                          |
 * | an Error                                   | "[TypeError: message]"                                     |
 * | a RegExp, a promise                        | "[RegExp /x/g]", "[Promise]"                               |
 * | a Map, a Set                               | { "[Map]": [[key, value], …] }, { "[Set]": [value, …] }    |
 * | Buffer, typed array, DataView, ArrayBuffer | "data:application/octet-stream;base64,…"                   |
 * | a boxed primitive                          | the primitive                                              |
 * | an object with toJSON                      | what its toJSON answers, encoded                           |
 * | an instance of any other class             | its own properties, or "[ClassName]" where it has none     |
 * | an object inside itself                    | "[Circular /path]" to the outer one, "[Circular]" for root |
 * | the 101st level of nesting                 | "[Depth limit]"                                            |
 * | past 1,000,000 values or 64 Mi of text,    | "[Size limit]", once in each list or object it cuts short  |
 * | or 4 × `keep`                              |                                                            |
 * | a getter, toJSON or proxy trap that throws | "[Unreadable: message]"                                    |
 *
 * As in JSON.stringify, properties that are not enumerable or whose key is a symbol are not carried, and an
 * array's only by index. Where an object has such a property, its path stands in `lossy`.
 */

import { DataUrl } from "./data-url.ts";
import { encodeKey, encodeMarker, encodeNothing, encodeText } from "./encode-text.ts";
import { primitiveMarker, unreadableMarker } from "./markers.ts";
import { isPlain } from "./plain.ts";
import { standIn } from "./stand-in.ts";
import { type Place, pointer, Walk } from "./walk.ts";

/** How to encode. */
export interface EncodeOptions {
  /**
   * Leave out properties that are `undefined`, as JSON does.
   * @default false
   */
  dropUndefined?: boolean;
  /**
   * How much of the text is kept, half of it at either end, in UTF-16 code units: the walk ends at four times as much,
   * and a text or bytes for which there is no room are written without their middle. The text is no JSON then.
   * @default all that can be walked
   */
  keep?: number;
}

/**
 * Turns any value into JSON text. Never throws; plain JSON comes back from `JSON.parse` as it was.
 *
 * @example
 * encode({ at: new Date(0), n: 1 }); // { json: '{"at":"1970-01-01T00:00:00.000Z","n":1}', lossy: ["/at"], … }
 */
export function encode(value: unknown, options: EncodeOptions = {}): Encoded {
  const walk = new Walk(options);
  const json = encodeProperty(walk, { value }, "value", null);
  const { lossy, leftOut, isCounted } = walk;
  return { json, lossy, leftOut, isCounted };
}

const MAX_DEPTH = 100;

/** A value as JSON text. */
interface Encoded {
  json: string;
  /** JSON Pointers to what is not carried as it was, "" for the root. At most 100, then a last "…". */
  lossy: string[];
  /** Bytes that would stand in the JSON text and do not, since there was no room for them. */
  leftOut: number;
  /** False: `leftOut` is the least that it can be. */
  isCounted: boolean;
}

function encodeProperty(walk: Walk, holder: object, key: string | number, place: Place): string {
  try {
    return encodeValue(walk, Reflect.get(holder, key), place);
  } catch (thrown) {
    return encodeMarker(walk, unreadableMarker(thrown), place);
  }
}

function encodeValue(walk: Walk, value: unknown, place: Place): string {
  if (!walk.visit()) return encodeNothing(walk, place);
  if (typeof value === "string" || value instanceof DataUrl) return encodeText(walk, value, place);
  if (typeof value === "object" && value !== null) return encodeObject(walk, value, place);
  const marker = primitiveMarker(value);
  return marker === undefined ? encodeLiteral(walk, value, place) : encodeMarker(walk, marker, place);
}

/** A number, a boolean or null. */
function encodeLiteral(walk: Walk, value: unknown, place: Place): string {
  const literal = JSON.stringify(value);
  return walk.fits(literal.length) ? literal : encodeNothing(walk, place);
}

function encodeObject(walk: Walk, value: object, place: Place): string {
  const outer = walk.open.get(value);
  if (outer !== undefined) return encodeMarker(walk, circularMarker(outer), place);
  if (walk.open.size >= MAX_DEPTH) return encodeMarker(walk, "[Depth limit]", place);
  walk.open.set(value, place);
  try {
    return encodeOpened(walk, value, place);
  } finally {
    walk.open.delete(value);
  }
}

function circularMarker(outer: Place): string {
  return outer === null ? "[Circular]" : `[Circular ${pointer(outer)}]`;
}

function encodeOpened(walk: Walk, value: object, place: Place): string {
  if (Array.isArray(value)) return encodeArray(walk, value, place);
  if (!isPlain(value)) walk.note(place);
  // One more than there is room for, so that it shows.
  const carried = standIn(value, walk.nodesLeft + 1);
  if (carried === value) return encodeRecord(walk, value, place);
  walk.note(place);
  return encodeValue(walk, carried, place);
}

function encodeArray(walk: Walk, array: readonly unknown[], place: Place): string {
  const items: string[] = [];
  for (let index = 0; index < array.length; index++) {
    const { full } = walk;
    items.push(encodeProperty(walk, array, index, { up: place, key: index }));
    if (full) break;
  }
  return `[${items.join(",")}]`;
}

function encodeRecord(walk: Walk, record: object, place: Place): string {
  let keys = Object.keys(record);
  if (Reflect.ownKeys(record).length > keys.length) walk.note(place);
  if (walk.dropUndefined) keys = keys.filter((key) => !isUndefined(record, key));
  const entries: string[] = [];
  for (const key of keys) {
    const name = encodeKey(walk, key, place);
    const { full } = walk;
    entries.push(`${name}:${encodeProperty(walk, record, key, { up: place, key })}`);
    if (full) break;
  }
  return `{${entries.join(",")}}`;
}

function isUndefined(record: object, key: string): boolean {
  try {
    return Reflect.get(record, key) === undefined;
  } catch {
    return false;
  }
}
