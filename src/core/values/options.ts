/**
 * Options objects, as tables: the name of an option, what it may be and what it is by default stand in one line.
 *
 * ```ts
 * export interface BakeOptions {
 *   degrees?: number | undefined;
 * }
 * const BAKE = { degrees: option(limit(0), 180) } satisfies Table<BakeOptions>;
 * const { degrees } = readOptions(BAKE, options);
 * ```
 */

import type { Kind } from "./kinds.ts";
import { checkNames, type FaultCode, fault } from "./validate.ts";

/** One option, of which `T` is what it comes to. */
export interface Option<T> {
  readonly kind: Kind<T>;
  readonly fallback: T;
  readonly isNeeded: boolean;
}

/** An option for each that `Options` has, and for no other. */
export type Table<Options> = {
  readonly [Name in keyof Options]-?: Option<
    object extends Pick<Options, Name> ? Options[Name] | undefined : Options[Name]
  >;
};

type AnyTable = Readonly<Record<string, Option<unknown>>>;

/** Options with every default filled in. */
export type Settings<T extends AnyTable> = {
  readonly [Name in keyof T]: T[Name] extends Option<infer Value> ? Value : never;
};

/** An option that may be left out. */
export function option<T>(kind: Kind<T>): Option<T | undefined>;
export function option<T>(kind: Kind<T>, fallback: T): Option<T>;
export function option<T>(kind: Kind<T>, fallback?: T): Option<T | undefined> {
  return { kind, fallback, isNeeded: false };
}

/** An option that has to be given. */
export function needed<T>(kind: Kind<T>): Option<T> {
  return { kind, fallback: undefined as T, isNeeded: true };
}

/** An option that is an options object itself. */
export function group<T extends AnyTable>(table: T): Option<Settings<T>> {
  const kind: Kind<Settings<T>> = (value, name, code) => read(table, value, code, name, `${name}.`);
  return { kind, fallback: read(table, {}, "invalid_option"), isNeeded: false };
}

/** @throws `invalid_option` for the first name that is none, or else the first unusable value */
export function readOptions<T extends AnyTable>(
  table: T,
  given: unknown,
  name?: string,
  prefix?: string,
): Settings<T> {
  return read(table, given, "invalid_option", name, prefix);
}

/** The same of what a single call is given. @throws `invalid_input` */
export function readArgument<T extends AnyTable>(
  table: T,
  given: unknown,
  name?: string,
  prefix?: string,
): Settings<T> {
  return read(table, given, "invalid_input", name, prefix);
}

/** The defaults that are numbers. */
export function numbersIn<T extends AnyTable>(table: T): Numbers<T> {
  const defaults = Object.entries(table).map(([name, { fallback }]) => [name, fallback]);
  return Object.fromEntries(defaults.filter(([, value]) => typeof value === "number")) as Numbers<T>;
}

type Numbers<T extends AnyTable> = {
  readonly [Name in keyof T as Settings<T>[Name] extends number ? Name : never]: number;
};

function read<T extends AnyTable>(
  table: T,
  given: unknown,
  code: FaultCode,
  name = "options",
  prefix = "",
): Settings<T> {
  if (typeof given !== "object" || given === null) throw fault(code, name, "an object", given);
  checkNames(code, prefix, given, Object.keys(table));
  const settings = Object.entries(table).map(([name, { kind, fallback, isNeeded }]) => {
    const value: unknown = Reflect.get(given, name);
    return [name, value === undefined && !isNeeded ? fallback : kind(value, prefix + name, code)];
  });
  return Object.fromEntries(settings) as Settings<T>;
}
