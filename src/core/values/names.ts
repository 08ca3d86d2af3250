/**
 * Names that a tool, a model or a server has chosen, in sentences of the library's own that a model may read. A name of
 * one word, made of what names are made of, can say nothing; any other is left out.
 */

/** ` "name"`, to follow the word that says what it names; "" where it could be more than a name. */
export function named(name: string): string {
  return PLAIN.test(name) ? ` "${name}"` : "";
}

/** ` at "/a", "/b" and 3 other places`, of JSON Pointers; ` at 3 places` where none can be named. */
export function atPlaces(paths: readonly string[]): string {
  const plain = paths.filter((path) => PLAIN.test(path)).slice(0, MOST_PLACES);
  const others = paths.length - plain.length;
  const rest =
    others === 0 ? "" : `${others} ${plain.length > 0 ? "other " : ""}${others === 1 ? "place" : "places"}`;
  const list = plain.map((path) => `"${path}"`).join(", ");
  return ` at ${[list, rest].filter((part) => part !== "").join(" and ")}`;
}

const PLAIN = /^[\w./:@~-]{1,128}$/;
const MOST_PLACES = 5;
