/**
 * A tool's input as a text that equal inputs share, and others never do.
 *
 * | equal by what they hold                                                | equal only to themselves        |
 * | ---------------------------------------------------------------------- | ------------------------------- |
 * | plain objects, in any order of their keys, and lists                   | an instance of any other class  |
 * | texts, numbers (-0 is not 0, NaN is NaN), bigints, booleans            | a function, a symbol            |
 * | null, undefined (no missing key, no hole of a list)                    | what has getters or hidden keys |
 * | Date, Map, Set, RegExp, URL, Symbol.for(…)                             | an input that throws when read, |
 * | ArrayBuffer, DataView, typed arrays, Buffer: of one class              | or that is too deep or large    |
 *
 * What equals only itself is named by a number of this process: in no other is there an equal text. Of plain JSON the
 * text is JSON; for the rest it holds what JSON never has outside of quotes.
 */

import { nanoid } from "nanoid";
import { shared } from "../copies.ts";
import { contentOf } from "../values/content.ts";
import { isPlain } from "../values/plain.ts";

/** Never throws. */
export function canonicalInput(input: unknown): string {
  try {
    return new Writer().write(input);
  } catch {
    return nameOf(input);
  }
}

const MAX_DEPTH = 100;
const MAX_VALUES = 1_000_000;
/** In UTF-16 code units. */
const MAX_TEXT = 64 * 1024 * 1024;

/** Writes one input. @throws for one that is too deep or too large, or what it throws when it is read */
class Writer {
  /** The objects that are being written, from the root down. */
  readonly #open: object[] = [];
  #valuesLeft = MAX_VALUES;
  #textLeft = MAX_TEXT;

  write(value: unknown): string {
    this.#spend(1, 0);
    switch (typeof value) {
      case "string":
        return this.#quoted(value);
      case "number":
        return Object.is(value, -0) ? "-0" : `${value}`;
      case "bigint":
        return `${value}n`;
      case "symbol":
        return symbolText(value);
      case "object":
        return value === null ? "null" : this.#enter(value);
      default:
        return typeof value === "function" ? nameOf(value) : `${value}`;
    }
  }

  #enter(value: object): string {
    const outer = this.#open.indexOf(value);
    if (outer >= 0) return `^${outer}`;
    if (this.#open.length >= MAX_DEPTH) throw new RangeError("too deep");
    this.#open.push(value);
    const text = this.#object(value);
    this.#open.pop();
    return text;
  }

  #object(value: object): string {
    if (Array.isArray(value)) return this.#list(value) ?? nameOf(value);
    if (isPlain(value)) return this.#record(value) ?? nameOf(value);
    const content = contentOf(value);
    if (content === undefined) return nameOf(value);
    const { kind, held } = content;
    return typeof held === "string" ? this.#raw(kind, held) : kind + this.#items(held);
  }

  #list(list: readonly unknown[]): string | undefined {
    if (list.length > this.#valuesLeft) throw new RangeError("too large");
    // That of a class derived from Array is no list.
    if (!Array.isArray(Object.getPrototypeOf(list))) return undefined;
    const items: string[] = [];
    let properties = LENGTH;
    for (let index = 0; index < list.length; index += 1) {
      const property = Object.getOwnPropertyDescriptor(list, index);
      if (property !== undefined && !("value" in property)) return undefined;
      items.push(property === undefined ? "hole" : this.write(property.value));
      if (property !== undefined) properties += 1;
    }
    return Reflect.ownKeys(list).length === properties ? `[${items.join(",")}]` : undefined;
  }

  #record(record: object): string | undefined {
    const keys = Reflect.ownKeys(record);
    const entries: string[] = [];
    if (keys.some((key) => typeof key === "symbol")) return undefined;
    for (const key of (keys as string[]).sort()) {
      const property = Object.getOwnPropertyDescriptor(record, key);
      if (!property?.enumerable || !("value" in property)) return undefined;
      entries.push(`${this.#quoted(key)}:${this.write(property.value)}`);
    }
    return `{${entries.join(",")}}`;
  }

  #items(items: Iterable<unknown>): string {
    return `(${Array.from(items, (item) => this.write(item)).join(",")})`;
  }

  #quoted(text: string): string {
    this.#spend(0, text.length);
    return JSON.stringify(text);
  }

  /** Its length tells where it ends. */
  #raw(kind: string, text: string): string {
    this.#spend(0, text.length);
    return `${kind} ${text.length}:${text}`;
  }

  #spend(values: number, text: number): void {
    this.#valuesLeft -= values;
    this.#textLeft -= text;
    if (this.#valuesLeft < 0 || this.#textLeft < 0) throw new RangeError("too large");
  }
}

/** One property of a list is none of its items. */
const LENGTH = 1;

function symbolText(symbol: symbol): string {
  const key = Symbol.keyFor(symbol);
  return key === undefined ? nameOf(symbol) : `Symbol.for(${JSON.stringify(key)})`;
}

/** The same for the same object. A text or a number has no identity: it is named anew each time. */
function nameOf(value: unknown): string {
  const isObject = typeof value === "object" ? value !== null : typeof value === "function";
  const isKept = isObject || typeof value === "symbol";
  const known = isKept ? NAMES.of.get(value as WeakKey) : undefined;
  if (known !== undefined) return known;
  NAMES.given += 1;
  const name = `@${NAMES.process}.${NAMES.given}`;
  if (isKept) NAMES.of.set(value as WeakKey, name);
  return name;
}

const NAMES = shared("names", () => ({ process: nanoid(), given: 0, of: new WeakMap<WeakKey, string>() }));
