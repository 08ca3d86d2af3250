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
  if (first?.name === WHOLE) return given(first, textIn(values, first)) ?? {};
  const entries = fields.map((field) => [field.name, given(field, textIn(values, field))] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** What stands in a field. A property may have the name of one that every object has. */
export function textIn(values: Values, { name, initial }: Field): string {
  return Object.hasOwn(values, name) ? (values[name] ?? initial) : initial;
}

/** Whether a fault of the input is one of this field: `sources.0` is one of `sources`. */
export function isIn({ name }: Field, wrong: string): boolean {
  return wrong !== "" && (name === WHOLE || wrong === name || wrong.startsWith(`${name}.`));
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
    initial: initialOf(kind, fallback),
    choices: kind === "enum" ? (schema.enum as unknown[]).map(String) : [],
    step: integer ? 1 : "any",
    min: numberOf(schema.minimum),
    max: numberOf(schema.maximum),
  };
}

/** A default of `null` stands for nothing where a field cannot hold it. */
function initialOf(kind: Field["kind"], fallback: unknown): string {
  if (fallback === undefined) return "";
  if (kind === "json") return JSON.stringify(fallback, null, 2);
  return fallback === null ? "" : String(fallback);
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
