/** A form for what a tool takes: a field for each plain property of its JSON Schema, and JSON for everything else. */

export type Values = Readonly<Record<string, string>>;

export interface Field {
  name: string;
  title: string;
  description: string;
  kind: "string" | "number" | "boolean" | "enum" | "json";
  isRequired: boolean;
  initial: string;
  choices: readonly string[];
  step?: number | "any";
  min?: number | undefined;
  max?: number | undefined;
}

/** The one field of a tool whose input is no object of known properties. */
export const WHOLE = "";

type Schema = Record<string, unknown>;

export function fieldsOf(schema: Schema): Field[] {
  const { properties, required } = schema;
  if (schema.type !== "object" || !isRecord(properties)) {
    return [fieldOf(WHOLE, { ...schema, title: "Input, as JSON" }, false)];
  }
  const needed = Array.isArray(required) ? required : [];
  return Object.entries(properties).map(([name, property]) =>
    fieldOf(name, isRecord(property) ? property : {}, needed.includes(name)),
  );
}

/** @throws where a text is no JSON, naming its field */
export function inputOf(schema: Schema, values: Values): unknown {
  const fields = fieldsOf(schema);
  const [first] = fields;
  if (first?.name === WHOLE) return given(first, values[WHOLE] ?? first.initial) ?? {};
  const entries = fields.map(
    (field) => [field.name, given(field, values[field.name] ?? field.initial)] as const,
  );
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function fieldOf(name: string, schema: Schema, isRequired: boolean): Field {
  const kind = name === WHOLE ? "json" : kindOf(schema);
  const fallback = schema.default;
  const integer = schema.type === "integer";
  return {
    name,
    title: textOf(schema.title) || name,
    description: textOf(schema.description),
    kind,
    isRequired: isRequired && fallback === undefined,
    initial:
      fallback === undefined ? "" : kind === "json" ? JSON.stringify(fallback, null, 2) : String(fallback),
    choices: kind === "enum" ? (schema.enum as unknown[]).map(String) : [],
    step: integer ? 1 : "any",
    min: numberOf(schema.minimum),
    max: numberOf(schema.maximum),
  };
}

function kindOf({ type, enum: choices }: Schema): Field["kind"] {
  if (Array.isArray(choices) && choices.every((choice) => typeof choice === "string")) return "enum";
  if (type === "integer" || type === "number") return "number";
  if (type === "string" || type === "boolean") return type;
  return "json";
}

/** An empty field is left out, as long as it may be. */
function given({ name, title, kind, isRequired }: Field, text: string): unknown {
  if (kind === "boolean" && isRequired) return text === "true";
  if (text === "" && !(isRequired && kind === "string")) return undefined;
  if (kind === "boolean") return text === "true";
  if (kind === "number") return Number(text);
  if (kind !== "json") return text;
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${name === WHOLE ? "The input" : title} is not valid JSON.`);
  }
}

function isRecord(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The bounds that zod writes for integers say nothing. */
function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && Math.abs(value) < Number.MAX_SAFE_INTEGER ? value : undefined;
}
