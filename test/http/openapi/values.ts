/** Values for the schemas of a document: those that fit, and those that do not. */

import type { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import type { Document, Schema } from "./document.ts";

export class Values {
  readonly #document: Document;
  readonly #ajv: Ajv2020;

  constructor(document: Document, ajv: Ajv2020) {
    this.#document = document;
    this.#ajv = ajv;
  }

  /** What fits a schema, of the few kinds that requests are made of. */
  fitting(given: Schema): fc.Arbitrary<unknown> {
    const schema = this.#resolved(given);
    const { type, minimum = 0, maximum = 0, pattern, items = {}, properties = {}, required = [] } = schema;
    if (schema.enum) return fc.constantFrom(...schema.enum);
    if (type === "integer") return fc.oneof(fc.integer({ min: minimum, max: maximum }), near(schema));
    if (type === "string") return pattern ? fc.stringMatching(new RegExp(pattern, "u")) : anyText;
    if (type === "array") return fc.uniqueArray(this.fitting(items), { minLength: 1, maxLength: 3 });
    if (type !== "object") return fc.jsonValue();
    const entries = Object.entries(properties).map(([name, own]) => [name, this.fitting(own)] as const);
    return fc.record(Object.fromEntries(entries), { requiredKeys: required });
  }

  /** JSON that does not fit a schema. */
  unfitting(given: Schema): fc.Arbitrary<unknown> {
    const schema = { ...this.#resolved(given), components: this.#document.components };
    const fits = this.#ajv.compile(schema);
    const names = fc.constantFrom("other", ...Object.keys(schema.properties ?? {}));
    return fc.oneof(fc.jsonValue(), fc.dictionary(names, fc.jsonValue())).filter((value) => !fits(value));
  }

  /** Texts, as they stand in a query, that no value of a schema is written as. */
  unfittingText(schema: Schema): fc.Arbitrary<string> {
    const fits = this.#ajv.compile(schema);
    const { minimum = 0, maximum = 0 } = schema;
    const beyond = fc.constantFrom(minimum - 1, maximum + 1, maximum + 0.5).map(String);
    return fc.oneof(beyond, TRAPS, anyText).filter((text) => !fits(readText(schema, text)));
  }

  /** What fits a schema, of what may stand in a header. */
  headerText(schema: Schema): fc.Arbitrary<string> {
    return schema.pattern ? this.fitting(schema).map(textOf) : fc.stringMatching(/^[!-~]{1,40}$/);
  }

  /** What may stand in a header, and does not fit a schema. */
  unfittingHeader(schema: Schema): fc.Arbitrary<string> {
    const fits = this.#ajv.compile(schema);
    return fc.stringMatching(/^[!-~\u00a1-\u00ff]{1,300}$/).filter((text) => !fits(text));
  }

  /** The whole numbers next to a range, as texts. */
  besideText({ minimum = 0, maximum = 0 }: Schema): fc.Arbitrary<string> {
    return fc.constantFrom(minimum - 1, maximum + 1).map(String);
  }

  #resolved(schema: Schema): Schema {
    const name = schema.$ref?.replace("#/components/schemas/", "");
    return name === undefined ? schema : (this.#document.components.schemas[name] ?? schema);
  }
}

/** As OpenAPI writes a value into a path or a query. */
export function textOf(value: unknown): string {
  return Array.isArray(value) ? value.join(",") : String(value);
}

const anyText = fc.string({ unit: "grapheme" });

const TRAPS = fc.constantFrom(
  ...["", " ", " 5", "1e3", "0x10", "٣", "-0", "+1", "NaN", "null", "running,", "\0", "1.", "."],
  "9".repeat(400),
  "x".repeat(200),
);

function near({ minimum = 0, maximum = 0 }: Schema): fc.Arbitrary<number> {
  return fc.constantFrom(minimum, maximum);
}

function readText({ type }: Schema, text: string): unknown {
  if (type === "array") return text.split(",");
  return type === "integer" && /^\d+$/.test(text) ? Number(text) : text;
}
