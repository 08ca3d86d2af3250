import { TaskOffloadError } from "./errors.ts";
import type { Kind } from "./values/kinds.ts";

/** The version of this copy of the library. Bundlers may put several copies into one process. */
export const VERSION = "0.1.0";

/** Marks what other copies may be given: those of the same version work with it. */
export function markVersion(object: object): void {
  Object.defineProperty(object, MARK, { value: VERSION });
}

/** @throws `invalid_option` for what a copy of another version has made, naming both */
export function checkVersion(option: string, value: unknown): void {
  const version = versionOf(value);
  if (version === undefined || version === VERSION) return;
  const message = `${option} is of tool-offload ${version}, and this is ${VERSION}: install one version.`;
  throw new TaskOffloadError("invalid_option", message);
}

/** The same kind, refused where another version of the library has made it. */
export function ofThisVersion<T>(checked: Kind<T>): Kind<T> {
  return (value, name, code) => {
    const sound = checked(value, name, code);
    checkVersion(name, sound);
    return sound;
  };
}

const MARK = Symbol.for("tool-offload.version");

function versionOf(value: unknown): string | undefined {
  try {
    const version = (value as { [MARK]?: unknown } | null | undefined)?.[MARK];
    return version === undefined ? undefined : String(version);
  } catch {
    return undefined;
  }
}
