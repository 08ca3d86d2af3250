import { TaskOffloadError } from "../../core/errors.ts";
import type { FaultCode } from "../../core/values/validate.ts";

/** What looks like that which a store takes, and is something else: what it is, by a property that only it has. */
export type Lookalikes = Readonly<Record<string, string>>;

/** @throws a fault that says what was given and what to give in its place */
export function refuseLookalike(
  value: unknown,
  name: string,
  code: FaultCode,
  wanted: string,
  lookalikes: Lookalikes,
): void {
  const mark = Object.keys(lookalikes).find((property) => property in Object(value));
  if (mark === undefined) return;
  throw new TaskOffloadError(code, `${name} must be ${wanted}; got ${lookalikes[mark]}.`);
}
