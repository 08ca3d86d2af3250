/**
 * One process may hold several copies of this code, as where a bundler makes one of each route. Those of one version
 * are as one: they share what they know, and know what another has made. Those of two versions refuse each other.
 */

import { TaskOffloadError } from "./errors.ts";
import type { Kind } from "./values/kinds.ts";
import { oneLine } from "./values/text.ts";
import { VERSION } from "./version.ts";

/**
 * One for all copies of this version: the first to ask makes it. It is for what is known of objects that are not this
 * library's, and of what must not be feigned; keys are held weakly, so that nothing outlives them.
 */
export function shared<Kept extends object>(name: string, make: () => Kept): Kept {
  const key = Symbol.for(`tool-offload.${name}@${VERSION}`);
  const place = globalThis as { [key]?: Kept };
  const kept = place[key] ?? make();
  // Where the global object is frozen each copy has its own, and they refuse each other.
  Reflect.defineProperty(place, key, { value: kept });
  return kept;
}

/** Says on an object of this library of which version it is, to copies of any version. */
export function sign(made: object): void {
  Object.defineProperty(made, SIGNATURE, { value: VERSION });
}

/** Lets through what this version has made, and what is none of this library's. @throws `invalid_option` for the rest */
export function checkVersion(option: string, value: unknown): void {
  const version = versionOf(value);
  if (version === undefined || version === VERSION) return;
  const fault = `${option} is of tool-offload ${oneLine(version, 40)}, and this is ${VERSION}.`;
  const remedy = "Copies of it work together only where they are of one version: see `npm ls tool-offload`.";
  throw new TaskOffloadError("invalid_option", `${fault} ${remedy}`);
}

/** The same kind, refused where another version has made it. */
export function ofThisVersion<T>(checked: Kind<T>): Kind<T> {
  return (value, name, code) => {
    checkVersion(name, value);
    return checked(value, name, code);
  };
}

/** Whether an object has a brand: what `instanceof` would say if there were one copy. Never throws. */
export function isBranded(value: unknown, brand: symbol): boolean {
  try {
    return typeof value === "object" && value !== null && brand in value;
  } catch {
    return false;
  }
}

/** The same in all versions, for good. */
const SIGNATURE = Symbol.for("tool-offload.version");

/** A host may give anything, and some of it throws when it is read. */
function versionOf(value: unknown): string | undefined {
  try {
    const version = (value as { [SIGNATURE]?: unknown } | null | undefined)?.[SIGNATURE];
    return typeof version === "string" ? version : undefined;
  } catch {
    return undefined;
  }
}
