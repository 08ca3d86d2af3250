import { TaskOffloadError } from "../errors.ts";

/** A host's hook answered a promise where none is awaited: its rejection must not go unhandled. */
export function ignorePromise(answer: unknown, failed: (error: unknown) => void = () => undefined): void {
  if (typeof answer === "object" && answer !== null) Promise.resolve(answer).catch(failed);
}

/** A value as an error message shows it: short, on one line, and never thrown over. */
export function shown(value: unknown): string {
  try {
    if (typeof value === "string")
      return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
    if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
    if (typeof value === "function") return "a function";
    return String(value);
  } catch {
    return "an unreadable value";
  }
}

/** Of an option that is kept, or of what a single call is given. */
export type FaultCode = "invalid_option" | "invalid_input";

export function fault(code: FaultCode, name: string, wanted: string, value: unknown): TaskOffloadError {
  return new TaskOffloadError(code, `${name} must be ${wanted}; got ${shown(value)}.`);
}

export function invalidOption(option: string, wanted: string, value: unknown): TaskOffloadError {
  return fault("invalid_option", option, wanted, value);
}

export function invalidInput(field: string, wanted: string, value: unknown): TaskOffloadError {
  return fault("invalid_input", field, wanted, value);
}

/** A name that is none: a misspelt one would do nothing, in silence. @param what it is not */
export function unknownName(
  code: FaultCode,
  name: string,
  what: string,
  names: readonly string[],
): TaskOffloadError {
  return new TaskOffloadError(code, `${name} is ${what}; there are ${names.join(", ")}.`);
}

/** @throws for what is no option */
export function checkNames(code: FaultCode, prefix: string, options: object, names: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) throw unknownName(code, prefix + unknown, "not an option", names);
}

export function checkFunction(option: string, value: unknown): void {
  if (typeof value !== "function") throw invalidOption(option, "a function", value);
}

/** True for a duration in milliseconds; `Infinity` means never. */
export function isDuration(value: unknown): value is number {
  return typeof value === "number" && value >= 0;
}

export function isSignal(value: unknown): value is AbortSignal {
  return typeof (value as AbortSignal | null)?.addEventListener === "function";
}
