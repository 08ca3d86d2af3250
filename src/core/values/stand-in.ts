/** What is encoded in place of an object that JSON cannot carry as it is. */

import { DataUrl } from "./data-url.ts";
import { className, objectMarker, tagOf } from "./markers.ts";
import { isPlain } from "./plain.ts";

/**
 * The value to encode in the object's place: a marker, a primitive, the bytes that it holds, or an object that holds the
 * same contents, of a map or a set `most` at most. The object itself where its own properties are all there is to say.
 */
export function standIn(value: object, most: number): unknown {
  const plain = isPlain(value);
  const builtIn = plain ? undefined : (objectMarker(value) ?? contents(value, most) ?? unboxed(value));
  if (builtIn !== undefined) return builtIn;
  const toJSON: unknown = Reflect.get(value, "toJSON");
  if (typeof toJSON === "function") return toJSON.call(value);
  return plain || Object.keys(value).length > 0 ? value : `[${className(value)}]`;
}

function contents(value: object, most: number): unknown {
  if (ArrayBuffer.isView(value)) return new DataUrl(value.buffer, value.byteOffset, value.byteLength);
  switch (tagOf(value)) {
    case "ArrayBuffer":
    case "SharedArrayBuffer":
      return new DataUrl(value as ArrayBufferLike);
    case "Map":
      return { "[Map]": firstOf(Map.prototype.entries.call(value as Map<unknown, unknown>), most) };
    case "Set":
      return { "[Set]": firstOf(Set.prototype.values.call(value as Set<unknown>), most) };
    default:
      return undefined;
  }
}

function unboxed(value: object): unknown {
  switch (tagOf(value)) {
    case "String":
      return String.prototype.valueOf.call(value);
    case "Number":
      return Number.prototype.valueOf.call(value);
    case "Boolean":
      return Boolean.prototype.valueOf.call(value);
    case "BigInt":
      return BigInt.prototype.valueOf.call(value);
    case "Symbol":
      return Symbol.prototype.valueOf.call(value);
    default:
      return undefined;
  }
}

function firstOf<T>(all: Iterable<T>, most: number): T[] {
  const first: T[] = [];
  for (const one of all) {
    if (first.length >= most) break;
    first.push(one);
  }
  return first;
}
