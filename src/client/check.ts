import { TaskClientError } from "./errors.ts";

/**
 * The shape of a response as data: names of types (`"string|null"`, `"any"`), a list of one shape, or properties, of which
 * those whose name ends in `?` may be missing. `"null?"` among them: the whole may be null. What no shape names passes.
 */
export type Shape = string | readonly [Shape] | { readonly [property: string]: Shape };

/** What a text in JSON says. @throws `protocol`, naming what is not as it should be */
export function parse(shape: Shape, text: string): unknown {
  const value = json(text);
  check(shape, value, "The response");
  return value;
}

/** Undefined where it is none. */
export function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function check(shape: Shape, value: unknown, path: string): void {
  if (typeof shape === "string") {
    if (shape !== "any" && !shape.split("|").includes(typeOf(value))) throw unfit(path, shape);
  } else if (isList(shape)) {
    if (!Array.isArray(value)) throw unfit(path, "a list");
    for (const [index, item] of value.entries()) check(shape[0], item, `${path}[${index}]`);
  } else if (value !== null || !("null?" in shape)) {
    if (typeOf(value) !== "object") throw unfit(path, "an object");
    checkProperties(shape, value as Record<string, unknown>, path);
  }
}

function checkProperties(shape: Record<string, Shape>, value: Record<string, unknown>, path: string): void {
  for (const [name, inner] of Object.entries(shape)) {
    const own = name.replace("?", "");
    if (own === name || value[own] !== undefined) check(inner, value[own], `${path}.${own}`);
  }
}

function isList(shape: Shape): shape is readonly [Shape] {
  return Array.isArray(shape);
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "list" : typeof value;
}

function unfit(path: string, wanted: string): TaskClientError {
  return new TaskClientError("protocol", `${path} must be ${wanted}. Is baseUrl that of a task handler?`);
}
