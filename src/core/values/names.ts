/**
 * Names that a tool, a model or a server has chosen, in sentences of the library's own that a model may read. A name of
 * one word, made of what names are made of, can say nothing; any other is left out.
 */

import { oneLine } from "./text.ts";

/** Whether a name can be nothing but a name. */
export function isPlainName(name: string): boolean {
  return PLAIN.test(name);
}

/** ` "name"`, to follow the word that says what it names; "" where it could be more than a name. */
export function named(name: string): string {
  return isPlainName(name) ? ` "${name}"` : "";
}

/** ` at "/a", "/b" and 3 other places`, of JSON Pointers; ` at 3 places` where none can be named. */
export function atPlaces(paths: readonly string[]): string {
  const plain = paths.filter(isPlainName).slice(0, MOST_PLACES);
  const others = paths.length - plain.length;
  const rest =
    others === 0 ? "" : `${others} ${plain.length > 0 ? "other " : ""}${others === 1 ? "place" : "places"}`;
  const list = plain.map((path) => `"${path}"`).join(", ");
  return ` at ${[list, rest].filter((part) => part !== "").join(" and ")}`;
}

/** The first of a result's paths, each cut to a line: data for a model, to stand where it reads data. */
export function firstPaths(paths: readonly string[]): string[] {
  return paths.slice(0, MOST_PLACES).map((path) => oneLine(path, MAX_PATH));
}

const PLAIN = /^[\w./:@~-]{1,128}$/;
const MOST_PLACES = 5;
const MAX_PATH = 64;
