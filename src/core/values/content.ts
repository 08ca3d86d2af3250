import { className, tagOf } from "./markers.ts";
import { isPlain } from "./plain.ts";

/** What an object holds that is of a class of the language: with the class it says all there is to say. */
export interface Content {
  readonly kind: string;
  readonly held: string | readonly unknown[];
}

/**
 * Undefined for an object of any other class, and for one that has more to it: of a class derived from these, or with
 * properties of its own. A name that somebody has put on bytes is not looked at: to look takes a hundred times as long
 * as to read them.
 */
export function contentOf(value: object): Content | undefined {
  try {
    if (ArrayBuffer.isView(value)) return viewContent(value);
    const kind = tagOf(value);
    const prototype = Object.getPrototypeOf(value);
    const isOfClass = isPlain(prototype) && className(value) === kind;
    if (!isOfClass || Reflect.ownKeys(value).some((key) => key !== "lastIndex")) return undefined;
    const held = HELD[kind as keyof typeof HELD]?.(value as never);
    return held === undefined ? undefined : { kind, held };
  } catch {
    return undefined;
  }
}

/** Each throws for what only looks as if it were one. */
const HELD = {
  Date: (date: Date) => `${Date.prototype.getTime.call(date)}`,
  RegExp: (pattern: RegExp) => `${pattern.lastIndex} ${RegExp.prototype.toString.call(pattern)}`,
  Map: (map: Map<unknown, unknown>) => [...Map.prototype.entries.call(map)].flat(),
  Set: (set: Set<unknown>) => [...Set.prototype.values.call(set)],
  ArrayBuffer: (buffer: ArrayBuffer) => textOf(new DataView(buffer)),
  URL: (url: URL) => (Object.getPrototypeOf(url) === URL.prototype ? url.href : undefined),
};

function viewContent(view: ArrayBufferView): Content | undefined {
  const prototype = Object.getPrototypeOf(view);
  const isBuffer = prototype === globalThis.Buffer?.prototype;
  // A class derived from one of them has no such property of its own.
  const isOfClass = Object.hasOwn(prototype, "BYTES_PER_ELEMENT") || isPlain(prototype) || isBuffer;
  if (!isOfClass || Object.getOwnPropertySymbols(view).length > 0) return undefined;
  // Shared memory may change at any time.
  if (tagOf(view.buffer) !== "ArrayBuffer") return undefined;
  return { kind: isBuffer ? "Buffer" : tagOf(view), held: textOf(view) };
}

/** A character for each byte. */
function textOf({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  return new TextDecoder("latin1").decode(new Uint8Array(buffer, byteOffset, byteLength));
}
