/** Schemas of whatever library, by the interface that they share: see https://standardschema.dev. */

import * as z from "zod";

/** What is used of a Standard Schema. Zod, Valibot, ArkType and others make them. */
export interface StandardSchemaLike<Output = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
  };
}

type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

export function isStandardSchema(value: unknown): value is StandardSchemaLike {
  const isHolder = (typeof value === "object" && value !== null) || typeof value === "function";
  const props = isHolder ? (value as Partial<StandardSchemaLike>)["~standard"] : undefined;
  return typeof props?.validate === "function";
}

/** The schema of what it takes, as JSON Schema; `undefined`: it says none. @throws where it holds what JSON Schema cannot say */
export function jsonSchemaOf(schema: StandardSchemaLike): Record<string, unknown> | undefined {
  const props: StandardJsonSchema = schema["~standard"];
  if (props.jsonSchema !== undefined) return props.jsonSchema.input({ target: "draft-2020-12" });
  if (props.vendor !== "zod" || !("_zod" in schema)) return undefined;
  return z.toJSONSchema(schema as unknown as z.ZodType, { io: "input" });
}

/** Newer schemas can say themselves in JSON Schema. Those of zod do so since 4.2. */
interface StandardJsonSchema {
  readonly vendor: string;
  readonly jsonSchema?: { input(options: { target: string }): Record<string, unknown> };
}
