/** Schemas as OpenAPI has them: by zod's own hand, and those that have a name as components. */

import * as z from "zod";
import { named } from "../named-schemas.ts";

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** A schema as it stands where it is used. Of answers too it is the input: what a later version adds is no fault. */
export function schemaOf(schema: z.ZodType): JsonSchema {
  const name = named.get(schema)?.id;
  return name === undefined ? plain(z.toJSONSchema(schema, { io: "input" })) : { $ref: uriOf(name) };
}

/** The parameters of a query or a path, as what their texts are read to. */
export function propertiesOf(schema: z.ZodObject): Record<string, JsonSchema> {
  const { properties = {} } = z.toJSONSchema(schema, { io: "output" });
  return properties as Record<string, JsonSchema>;
}

/** The components that `paths` refer to, and those that these refer to in turn. */
export function componentsFor(paths: object): Record<string, JsonSchema> {
  const { schemas } = z.toJSONSchema(named, { io: "input", uri: uriOf });
  const used: Record<string, JsonSchema> = {};
  const use = (from: unknown) => {
    for (const [, name = ""] of JSON.stringify(from).matchAll(REFERENCE)) {
      const schema = schemas[name];
      if (schema === undefined || name in used) continue;
      used[name] = plain(schema);
      use(schema);
    }
  };
  use(paths);
  return used;
}

const REFERENCE = /"\$ref":"#\/components\/schemas\/(\w+)"/g;

function uriOf(name: string): string {
  return `#/components/schemas/${name}`;
}

/** Within a document a schema has no dialect and no address of its own. */
function plain({ $schema, $id, ...schema }: JsonSchema): JsonSchema {
  return schema;
}
