/** A value as a short text for people, secrets masked. Only a few properties of a few levels are looked at. */

import { className, objectMarker, primitiveMarker, tagOf } from "./markers.ts";
import { maskText, type Redact, redactProperty } from "./redact.ts";
import { isSecretKey } from "./secrets/keys.ts";
import { MASK } from "./secrets/mask.ts";
import { oneLine, sliceWhole } from "./text.ts";

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
const USER_FLAG = /^(?:-[uU]|--(?:proxy-)?user)$/;

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
    isSecretItem(array, index) ? MASK : showProperty(array, `${index}`, depth, redact),
  );
  return `[${items}]`;
}

/** In a list of arguments what follows `--password`, or with `-u` names a user and more; and in a pair its value. */
function isSecretItem(array: readonly unknown[], index: number): boolean {
  const [before, item]: unknown[] = [array[index - 1], array[index]];
  if (typeof before !== "string") return false;
  if (USER_FLAG.test(before)) return typeof item === "string" && item.includes(":");
  const isName = array.length === 2 || (before.startsWith("-") && !before.includes("="));
  return isName && isSecretKey(before, item);
}

function showEntries(record: object, joint: string, max: number, depth: number, redact?: Redact): string {
  const keys = Object.keys(record);
  return showSome(keys.length, max, (index) => {
    const key = keys[index] ?? "";
    return `${shorten(key)}${joint}${showProperty(record, key, depth, redact)}`;
  });
}

/** `{ name: "DB_PASSWORD", value: "x" }`: environments and headers are told so. */
function isNamedSecret(record: object, key: string): boolean {
  if (key !== "value") return false;
  const { name, key: otherName }: { name?: unknown; key?: unknown } = record;
  return [name, otherName].some((one) => typeof one === "string" && isSecretKey(one));
}

function showProperty(holder: object, key: string, depth: number, redact?: Redact): string {
  try {
    if (isNamedSecret(holder, key)) return MASK;
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
  return oneLine(maskText(oneLine(sliceWhole(text, 0, MAX_MASKED), MAX_MASKED)), MAX_TEXT);
}

function isRecord(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) && tagOf(value) === "Object";
}
