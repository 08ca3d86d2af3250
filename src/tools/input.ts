import * as z from "zod";
import { TaskOffloadError } from "../core/errors.ts";
import { invalidInput } from "../core/values/validate.ts";

/** An error's text is what was wanted: see `checkedInput`, which adds the field and what was got. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): z.ZodInt {
  const upTo = most === Number.MAX_SAFE_INTEGER ? "on" : `to ${most}`;
  const error = `a whole number from ${least} ${upTo}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
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

function inputError(schema: z.ZodObject, { issues: [issue] }: z.ZodError, input: unknown): TaskOffloadError {
  if (issue?.code === "unrecognized_keys") {
    const names = Object.keys(schema.shape).join(", ");
    return new TaskOffloadError("invalid_input", `${issue.keys[0]} is no argument; there are ${names}.`);
  }
  const field = issue?.path[0];
  if (field === undefined) return invalidInput("input", "an object", input);
  return invalidInput(String(field), issue?.message ?? "valid", Reflect.get(input as object, field));
}
