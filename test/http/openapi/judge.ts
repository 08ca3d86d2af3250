/** Tells an answer that a document foresees from one that it does not. */

import type { Ajv2020, ValidateFunction } from "ajv/dist/2020.js";
import type { Case } from "./cases.ts";
import type { Operation, Schema } from "./document.ts";

export interface Heard {
  /** Of the request. */
  method: string;
  status: number;
  headers: Headers;
  body: string;
}

/** What is wrong with an answer. */
export class Judge {
  readonly #ajv: Ajv2020;
  readonly #components: object;
  readonly #compiled = new Map<Schema, ValidateFunction>();

  /** The schemas are closed: an answer must not say what the document does not. */
  constructor(ajv: Ajv2020, components: object) {
    this.#ajv = ajv;
    this.#components = components;
  }

  faultsOf({ operation, isSound, status, field, allow }: Case, heard: Heard): string[] {
    const problem = heard.status >= 400 ? problemIn(heard.body) : {};
    return [
      ...(status !== undefined && heard.status !== status ? [`${heard.status} in place of ${status}`] : []),
      ...(isSound && heard.status === 400 ? [`refused: ${heard.body}`] : []),
      ...(heard.status === 401 && status !== 401 ? ["401, unforeseen"] : []),
      ...(field !== undefined && problem.field !== field
        ? [`the field is ${problem.field}, not ${field}`]
        : []),
      ...(allow !== undefined && heard.headers.get("Allow") !== allow
        ? [`Allow: ${heard.headers.get("Allow")}`]
        : []),
      ...(operation ? this.#undescribed(operation, heard) : []),
    ];
  }

  #undescribed({ responses }: Operation, { method, status, headers, body }: Heard): string[] {
    const response = responses[status];
    if (response === undefined) return [`${status} is not described: ${body}`];
    const told = Object.entries(response.headers ?? {}).filter(
      ([name, { required }]) => required || headers.has(name),
    );
    const faults = told.flatMap(([name, { schema }]) =>
      this.#faultsIn(schema, readHeader(headers.get(name))).map(
        (fault) => `${status} with ${name}: ${fault}`,
      ),
    );
    const type = headers.get("Content-Type");
    if (method === "HEAD" || status === 304) return body === "" ? faults : [...faults, "a body"];
    if (type === null && body === "" && Object.keys(response.content ?? {}).length === 0) return faults;
    const content = response.content?.[type ?? ""];
    if (content === undefined) return [...faults, `${status} as ${type}`];
    return [
      ...faults,
      ...this.#faultsIn(content.schema, isJson(type) ? parsed(body) : body).map(
        (fault) => `${status} ${fault}: ${body}`,
      ),
    ];
  }

  #faultsIn(schema: Schema, value: unknown): string[] {
    const fits = this.#compiled.get(schema) ?? this.#ajv.compile({ ...schema, components: this.#components });
    this.#compiled.set(schema, fits);
    return fits(value) ? [] : [this.#ajv.errorsText(fits.errors)];
  }
}

/** A copy in which no object may have properties that it does not name. */
export function closed<T>(schemas: T): T {
  return JSON.parse(JSON.stringify(schemas), (_key, value) =>
    value?.type === "object" && value.properties ? { ...value, unevaluatedProperties: false } : value,
  );
}

function problemIn(body: string): { field?: string } {
  const problem = parsed(body);
  return typeof problem === "object" && problem !== null ? problem : {};
}

function isJson(type: string | null): boolean {
  return type?.endsWith("json") ?? false;
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function readHeader(text: string | null): unknown {
  return text !== null && /^\d+$/.test(text) ? Number(text) : (text ?? undefined);
}
