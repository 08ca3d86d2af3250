import type * as z from "zod";

/**
 * Takes what models really send: `null` or "" for what they leave out, numbers, truth values and lists as text, and nothing at
 * all for an object without arguments. The schema that a model is shown stays the same.
 */
export function lenientObject<Schema extends z.ZodObject>(schema: Schema): Schema {
  const fields = Object.entries(schema.shape).map(([name, field]) => [name, lenient(field as z.ZodType)]);
  const lenientFields = schema.safeExtend(Object.fromEntries(fields));
  return reading(lenientFields, (input) => (isAbsent(input) ? {} : input)) as unknown as Schema;
}

/** The same for one argument. */
export function lenient<Schema extends z.ZodType>(schema: Schema): Schema {
  return reading(schema.clone(), (value) => meantBy(value, schema));
}

/** A model's value as the schema wants it; as it is where it cannot be meant so. */
function meantBy(value: unknown, schema: z.ZodType): unknown {
  const fits = (one: unknown) => schema.safeParse(one).success;
  if (fits(value)) return value;
  if (isAbsent(value) && fits(undefined)) return undefined;
  return typeof value === "string" ? meantByText(value, fits) : value;
}

/** What is in it as it is written, such as ids, or else in small letters: "True", "RUNNING". */
function meantByText(text: string, fits: (one: unknown) => boolean): unknown {
  for (const written of [text, text.toLowerCase()]) {
    const inText = parsed(written);
    const meant = isAbsent(inText) ? undefined : inText;
    if (fits(meant)) return meant;
  }
  return text;
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Not `z.preprocess`: of that not every framework can make a JSON schema. */
function reading<Schema extends z.ZodType>(schema: Schema, read: (value: unknown) => unknown): Schema {
  const { run } = schema._zod;
  schema._zod.run = (payload, context) => {
    payload.value = read(payload.value);
    return run(payload, context);
  };
  return schema;
}
