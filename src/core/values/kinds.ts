/** What an option may be. */

import { type FaultCode, fault, isDuration, isSignal } from "./validate.ts";

/** Answers the value, or throws for one that it must not be, naming it. */
export type Kind<T> = (value: unknown, name: string, code: FaultCode) => T;

/** Whatever `is` holds for. */
export function kind<T>(wanted: string, is: (value: unknown) => boolean): Kind<T> {
  return (value, name, code) => {
    if (is(value)) return value as T;
    throw fault(code, name, wanted, value);
  };
}

export const anything: Kind<unknown> = (value) => value;

export const boolean = kind<boolean>("a boolean", (value) => typeof value === "boolean");

export const text = kind<string>("a text", (value) => typeof value === "string");

/** What indexes hold. */
export const name = kind<string>(
  "a text of 1 to 256 characters",
  (value) => typeof value === "string" && value !== "" && value.length <= 256,
);

export const signal = kind<AbortSignal>("an AbortSignal", isSignal);

export const duration = kind<number>("milliseconds, 0 or more (Infinity: never)", isDuration);

export const milliseconds = kind<number>("milliseconds, 0 or more", isDuration);

/** A time that stores are told, and not every store can be told Infinity. */
export function wait(least: number): Kind<number> {
  const is = (value: unknown) => Number.isFinite(value) && (value as number) >= least;
  return kind(`milliseconds, ${least} or more, and finite`, is);
}

/** A whole number from `least` on, or `Infinity` for none. */
export function limit(least: number): Kind<number> {
  const is = (value: unknown) => value === Number.POSITIVE_INFINITY || isWhole(value, least);
  return kind(`a whole number from ${least} on, or Infinity`, is);
}

export function whole(least: number, most = Number.MAX_SAFE_INTEGER): Kind<number> {
  const upTo = most === Number.MAX_SAFE_INTEGER ? "on" : `to ${most}`;
  return kind(`a whole number from ${least} ${upTo}`, (value) => isWhole(value, least, most));
}

export function oneOf<const T>(...allowed: readonly T[]): Kind<T> {
  const wanted = `one of ${allowed.map((one) => JSON.stringify(one)).join(", ")}`;
  return kind(wanted, (value) => allowed.includes(value as T));
}

/** The same for two texts. */
export function either<const One, const Other>(one: One, other: Other): Kind<One | Other> {
  return kind(`"${one}" or "${other}"`, (value) => value === one || value === other);
}

export function func<F>(): Kind<F> {
  return kind("a function", (value) => typeof value === "function");
}

/** An object of any class. */
export function object<T extends object>(wanted = "an object"): Kind<T> {
  return kind(wanted, (value) => typeof value === "object" && value !== null);
}

/** An object of the host's, of which these methods are used. */
export function methods<T>(what: string, names: readonly (keyof T & string)[]): Kind<T> {
  return (value, name, code) => {
    const given = (value ?? {}) as T;
    const missing = names.find((method) => typeof given[method] !== "function");
    if (missing === undefined) return given;
    throw fault(code, name, `${what} with a method "${missing}"`, value);
  };
}

function isWhole(value: unknown, least: number, most = Number.POSITIVE_INFINITY): boolean {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}
