import { isPlaceholder } from "../../core/model/placeholder.ts";

/**
 * A tool's `outputSchema` that lets placeholders through: the framework checks stored messages against it. Schemas
 * come in three forms, and of none that we do not know is anything changed.
 */
export function withPlaceholder(schema: unknown): unknown {
  if (typeof schema === "function" && !("~standard" in schema)) return () => withPlaceholder(schema());
  if (!isObject(schema)) return schema;
  if ("~standard" in schema) return standard(schema as unknown as StandardLike);
  if (typeof schema.validate !== "function") return schema;
  const validate = schema.validate as Validate;
  // Not spread: its `jsonSchema` may be a getter that does work.
  const own = (value: unknown) => (isPlaceholder(value) ? { success: true, value } : validate(value));
  return Object.create(schema, { validate: { value: own, enumerable: true } });
}

type Validate = (value: unknown) => unknown;

interface StandardLike {
  "~standard": { validate: Validate };
}

function standard({ "~standard": inner }: StandardLike): StandardLike {
  const validate = (value: unknown) => (isPlaceholder(value) ? { value } : inner.validate(value));
  // Under its own vendor's name the framework would look for more than the standard promises.
  return { "~standard": { ...inner, vendor: "tool-offload", validate } as StandardLike["~standard"] };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return (typeof value === "object" || typeof value === "function") && value !== null;
}
