/** Says whether a value is what it should be. */
export type Check = (value: unknown) => boolean;

/** By field: what each must be. */
export type Checks<Shape> = { readonly [Field in keyof Shape]-?: Check };

/** The first field of a value that is not what it should be; "" is the value itself. `undefined`: all are. */
export function wrongField(value: unknown, checks: Readonly<Record<string, Check>>): string | undefined {
  if (!isObject(value)) return "";
  return Object.keys(checks).find((field) => checks[field]?.(value[field]) !== true);
}

export function hasFields(checks: Readonly<Record<string, Check>>): Check {
  return (value) => wrongField(value, checks) === undefined;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isText(value: unknown): value is string {
  return typeof value === "string";
}

export function isNumber(value: unknown): boolean {
  return Number.isFinite(value);
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export function orNull(check: Check): Check {
  return (value) => value === null || check(value);
}

export function orMissing(check: Check): Check {
  return (value) => value === undefined || check(value);
}

export function oneOf(known: readonly string[]): Check {
  return (value) => isText(value) && known.includes(value);
}
