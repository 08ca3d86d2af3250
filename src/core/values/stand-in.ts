/** What is encoded in place of an object that JSON cannot carry as it is. */

import { className, objectMarker, tagOf } from "./markers.ts";
import { isPlain } from "./plain.ts";

/**
 * The value to encode in the object's place: a marker, a primitive, or an object that holds the same
 * contents. The object itself where its own properties are all there is to say.
 */
export function standIn(value: object): unknown {
  const plain = isPlain(value);
  const builtIn = plain ? undefined : (objectMarker(value) ?? contents(value) ?? unboxed(value));
  if (builtIn !== undefined) return builtIn;
  const toJSON: unknown = Reflect.get(value, "toJSON");
  if (typeof toJSON === "function") return toJSON.call(value);
  return plain || Object.keys(value).length > 0 ? value : `[${className(value)}]`;
}

const CHUNK_BYTES = 0x8000;

function contents(value: object): unknown {
  if (ArrayBuffer.isView(value)) return dataUrl(value.buffer, value.byteOffset, value.byteLength);
  switch (tagOf(value)) {
    case "ArrayBuffer":
    case "SharedArrayBuffer":
      return dataUrl(value as ArrayBufferLike);
    case "Map":
      return { "[Map]": [...Map.prototype.entries.call(value as Map<unknown, unknown>)] };
    case "Set":
      return { "[Set]": [...Set.prototype.values.call(value as Set<unknown>)] };
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

function dataUrl(buffer: ArrayBufferLike, offset = 0, length = buffer.byteLength): string {
  const bytes = new Uint8Array(buffer, offset, length);
  let binary = "";
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    binary += String.fromCharCode(...bytes.subarray(at, at + CHUNK_BYTES));
  }
  return `data:application/octet-stream;base64,${btoa(binary)}`;
}
