/** Short texts that stand for what JSON cannot carry: "[undefined]", "[TypeError: no]", "[Promise]". */

import { errorMessage } from "./reasons.ts";

/**
 * What the language itself calls an object: "Object", "Date", "Map", … Holds across realms, unlike
 * instanceof.
 */
export function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}

/** The name of an object's class; where it has none worth telling, its tag. */
export function className(value: object): string {
  const name: unknown = Reflect.get(Object(Reflect.get(value, "constructor")), "name");
  return typeof name === "string" && name !== "" && name !== "Object" ? name : tagOf(value);
}

/** The marker of a primitive or a function, or undefined where JSON carries the value as it is. */
export function primitiveMarker(value: unknown): string | undefined {
  switch (typeof value) {
    case "undefined":
      return "[undefined]";
    case "bigint":
      return `[BigInt ${value}]`;
    case "symbol":
      return `[${String(value)}]`;
    case "function":
      return functionMarker(value);
    case "number":
      return Number.isFinite(value) ? undefined : `[${value}]`;
    default:
      return undefined;
  }
}

/** The marker of a date, error, regular expression or promise; undefined for any other object. */
export function objectMarker(value: object): string | undefined {
  if (value instanceof Error) return errorMarker(value);
  switch (tagOf(value)) {
    case "Date":
      return dateMarker(value as Date);
    case "Error":
      return errorMarker(value);
    case "RegExp":
      return `[RegExp ${RegExp.prototype.toString.call(value)}]`;
    case "Promise":
      return "[Promise]";
    default:
      return undefined;
  }
}

/** The marker of what threw when it was read. */
export function unreadableMarker(thrown: unknown): string {
  return `[Unreadable: ${errorMessage(thrown)}]`;
}

function functionMarker(value: object): string {
  const name: unknown = Reflect.get(value, "name");
  return typeof name === "string" && name !== "" ? `[Function ${name}]` : "[Function]";
}

function dateMarker(date: Date): string {
  const invalid = Number.isNaN(Date.prototype.getTime.call(date));
  return invalid ? "[Date invalid]" : Date.prototype.toISOString.call(date);
}

function errorMarker(error: object): string {
  const name = errorName(error);
  const message = errorMessage(error);
  return message === name ? `[${name}]` : `[${name}: ${message}]`;
}

function errorName(error: object): string {
  try {
    const name: unknown = Reflect.get(error, "name");
    return typeof name === "string" && name !== "" ? name : "Error";
  } catch {
    return "Error";
  }
}
