/** What the text of a body says, as JSON. */

import { malformedBody } from "./body.ts";
import { Refusal } from "./refusal.ts";

/** An empty one is an empty object. @throws a `Refusal` for what is no JSON, or nested too deep */
export function parseBody(text: string): unknown {
  const value = text === "" ? {} : parsed(text);
  if (!isHolder(value) || Array.isArray(value)) return value;
  if (isDeeper(value, MAX_LEVELS)) throw tooDeep();
  return bare(value);
}

/** As deep as inputs are compared. Whatever goes through it by recursion, such as a schema of the host's, can go so deep. */
const MAX_LEVELS = 100;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformedBody();
  }
}

/** Goes through it level by level, so that it needs no deep stack itself. */
function isDeeper(value: object, levels: number): boolean {
  let level = [value];
  for (let depth = 0; depth < levels && level.length > 0; depth += 1) {
    level = level.flatMap((holder) => Object.values(holder).filter(isHolder));
  }
  return level.length > 0;
}

/** Zod takes what some package of the host has put on `Object.prototype` for a property of the body. */
function bare(value: object): object {
  return Object.defineProperties(Object.create(null), Object.getOwnPropertyDescriptors(value));
}

function isHolder(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function tooDeep(): Refusal {
  const detail = `body must be nested at most ${MAX_LEVELS} deep.`;
  return new Refusal("invalid_body", { field: "body", detail });
}
