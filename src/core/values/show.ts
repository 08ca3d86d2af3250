/** A value as a short text for people, secrets masked. Only a few properties of a few levels are looked at. */

import { className, objectMarker, primitiveMarker, tagOf } from "./markers.ts";
import { isSecretKey, MASK, maskText, type Redact, redactProperty } from "./redact.ts";
import { oneLine } from "./text.ts";

/** A tool's input as the inside of a call: `query="cats", limit=5`, or nothing where there is none. */
export function showInput(input: unknown, redact?: Redact): string {
  if (input === undefined || input === null) return "";
  if (!isRecord(input)) return show(input, 0, redact);
  return showEntries(input, "=", MAX_ARGUMENTS, 0, redact);
}

const MAX_TEXT = 40;
/** In UTF-16 code units: far more than is shown of a text, so that a secret is recognized whole. */
const MAX_MASKED = 4_096;
const MAX_ARGUMENTS = 10;
const MAX_NESTED = 2;
const MAX_DEPTH = 2;

function show(value: unknown, depth: number, redact?: Redact): string {
  if (typeof value === "string") return value === MASK ? MASK : JSON.stringify(shorten(value));
  if (typeof value === "bigint") return shorten(`${value}n`);
  if (typeof value === "function" || typeof value === "symbol") return shorten(primitiveMarker(value) ?? "");
  return typeof value === "object" && value !== null ? showObject(value, depth, redact) : String(value);
}

function showObject(value: object, depth: number, redact?: Redact): string {
  if (Array.isArray(value)) return showArray(value, depth, redact);
  if (!isRecord(value)) return shorten(objectMarker(value) ?? `[${className(value)}]`);
  if (depth >= MAX_DEPTH) return "{…}";
  return `{${showEntries(value, ": ", MAX_NESTED, depth, redact)}}`;
}

function showArray(array: readonly unknown[], depth: number, redact?: Redact): string {
  if (depth >= MAX_DEPTH) return "[…]";
  const items = showSome(array.length, MAX_NESTED, (index) =>
    isSecretFlag(array[index - 1]) ? MASK : showProperty(array, `${index}`, depth, redact),
  );
  return `[${items}]`;
}

/** A list of arguments: what follows `--password` is one. */
function isSecretFlag(value: unknown): boolean {
  return typeof value === "string" && value.startsWith("-") && !value.includes("=") && isSecretKey(value);
}

function showEntries(record: object, joint: string, max: number, depth: number, redact?: Redact): string {
  const keys = Object.keys(record);
  return showSome(keys.length, max, (index) => {
    const key = keys[index] ?? "";
    return `${shorten(key)}${joint}${showProperty(record, key, depth, redact)}`;
  });
}

function showProperty(holder: object, key: string, depth: number, redact?: Redact): string {
  try {
    return show(redactProperty(key, Reflect.get(holder, key), redact), depth + 1, redact);
  } catch {
    return "…";
  }
}

/** The first few of many, and how many more there are. */
function showSome(count: number, max: number, showOne: (index: number) => string): string {
  const shown = count <= max + 1 ? count : max;
  const parts = Array.from({ length: shown }, (_, index) => showOne(index));
  if (shown < count) parts.push(`… ${count - shown} more`);
  return parts.join(", ");
}

function shorten(text: string): string {
  return oneLine(maskText(oneLine(text.slice(0, MAX_MASKED), MAX_MASKED)), MAX_TEXT);
}

function isRecord(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) && tagOf(value) === "Object";
}
