import * as z from "zod";
import { TaskOffloadError } from "../core/errors.ts";
import { isPlainName } from "../core/values/names.ts";
import { shown } from "../core/values/validate.ts";

/**
 * More than `most` counts as `most`: a model that asks for too much is served as well as can be. An error's text is
 * what was wanted: see `checkedInput`, which adds the field and what was got.
 */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): z.ZodInt {
  const upTo = most === Number.MAX_SAFE_INTEGER ? "on" : `to ${most}`;
  const error = `a whole number from ${least} ${upTo}`;
  const number = z.int({ error }).min(least, { error });
  return number.overwrite((given) => Math.min(given, most)).meta({ maximum: most });
}

export function text(): z.ZodString {
  return z.string({ error: "a text" });
}

export const taskId = () => text().describe("The id of the task, from its placeholder or from task_list.");

/** The input as the schema makes it; throws `invalid_input` naming the first field that is wrong. */
export function checkedInput<Schema extends z.ZodObject>(schema: Schema, input: unknown): z.output<Schema> {
  const { data, error } = schema.safeParse(bare(input));
  if (error === undefined) return data;
  throw inputError(schema, error, input);
}

/** Zod also counts what somebody has put on `Object.prototype` among the arguments. */
function bare(input: unknown): unknown {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return input;
  return Object.assign(Object.create(null), input);
}

/** The model is told what it gave, as long as that could not pass for the words of this library. */
function inputError(schema: z.ZodObject, { issues: [issue] }: z.ZodError, input: unknown): TaskOffloadError {
  if (issue?.code === "unrecognized_keys") {
    const names = Object.keys(schema.shape).join(", ");
    const key = issue.keys.find(isPlainName) ?? "A name that was given";
    return new TaskOffloadError("invalid_input", `${key} is no argument; there are ${names}.`);
  }
  const field = issue?.path[0];
  if (field === undefined) return wrong("input", "an object", input);
  const value: unknown = Reflect.get(Object(input), field);
  return wrong(String(field), issue?.message ?? "valid", value);
}

function wrong(field: string, wanted: string, value: unknown): TaskOffloadError {
  const isForeign = typeof value === "string" && value !== "" && !isPlainName(value);
  const got = isForeign ? `a text of ${value.length} characters` : shown(value);
  return new TaskOffloadError("invalid_input", `${field} must be ${wanted}; got ${got}.`);
}
