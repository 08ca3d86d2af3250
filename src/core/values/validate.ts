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

export function invalidOption(option: string, wanted: string, value: unknown): TaskOffloadError {
  return new TaskOffloadError("invalid_option", `${option} must be ${wanted}; got ${shown(value)}.`);
}

export function invalidInput(field: string, wanted: string, value: unknown): TaskOffloadError {
  return new TaskOffloadError("invalid_input", `${field} must be ${wanted}; got ${shown(value)}.`);
}

/** True for a duration in milliseconds; `Infinity` means never. */
export function isDuration(value: unknown): value is number {
  return typeof value === "number" && value >= 0;
}

export function checkDuration(option: string, value: unknown): void {
  if (!isDuration(value)) throw invalidOption(option, "milliseconds, 0 or more (Infinity: never)", value);
}

/** A time that stores are told, and not every store can be told Infinity. */
export function checkWait(option: string, value: unknown, least: number): void {
  if (Number.isFinite(value) && (value as number) >= least) return;
  throw invalidOption(option, `milliseconds, ${least} or more, and finite`, value);
}

/** A limit: a whole number from `least` on, or `Infinity` for none. */
export function checkLimit(option: string, value: unknown, least: number): void {
  if (value === Number.POSITIVE_INFINITY) return;
  if (Number.isInteger(value) && (value as number) >= least) return;
  throw invalidOption(option, `a whole number from ${least} on, or Infinity`, value);
}

export function checkOneOf(option: string, value: unknown, allowed: readonly unknown[]): void {
  if (!allowed.includes(value)) {
    throw invalidOption(option, `one of ${allowed.map((one) => JSON.stringify(one)).join(", ")}`, value);
  }
}

/** Refuses what is no option: a misspelt one would do nothing, in silence. */
export function checkNames(where: string, options: object, names: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  const message = `${where}${unknown} is not an option; there are ${names.join(", ")}.`;
  throw new TaskOffloadError("invalid_option", message);
}

export function checkFunction(option: string, value: unknown): void {
  if (typeof value !== "function") throw invalidOption(option, "a function", value);
}
