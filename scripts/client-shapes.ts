import * as z from "zod";
import { eventPageSchema, taskPageSchema, taskSnapshotSchema, toolListSchema } from "../src/http/protocol.ts";
import { taskEventSchema, taskInfoSchema, taskResultSchema } from "../src/http/task-schemas.ts";

/** The text of `src/client/shapes.ts`. */
export function clientShapes(): string {
  const event = shapeOf(taskEventSchema);
  const task = shapeOf(taskInfoSchema);
  return [
    "// Made by scripts/make-client-shapes.ts from the schemas of the task handler: change those, and run it.",
    `export const TASK = ${text(task)} as const;`,
    `export const TASK_PAGE = ${text(shapeOf(taskPageSchema)).replace(text(task), "TASK")} as const;`,
    `export const SNAPSHOT = ${text(shapeOf(taskSnapshotSchema)).replace(text(task), "TASK")} as const;`,
    `export const RESULT = ${text(shapeOf(taskResultSchema))} as const;`,
    `export const EVENT = ${text(event)} as const;`,
    `export const EVENT_PAGE = ${text(shapeOf(eventPageSchema)).replace(text(event), "EVENT")} as const;`,
    `export const TOOLS = ${text(shapeOf(toolListSchema))} as const;`,
    "",
  ].join("\n");
}

type Shape = string | Shape[] | { [property: string]: Shape };
type Schema = z.core.JSONSchema.BaseSchema;

function shapeOf(schema: z.ZodType): Shape {
  return shape(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }));
}

/** Enums are open, so that a newer server breaks no older client: what stays of a text is that it is one. */
function shape(schema: Schema): Shape {
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return choices.map((choice) => shape(choice as Schema)).reduce(either);
  if (schema.type === "array") return [shape(schema.items as Schema)];
  if (schema.type === "object" && schema.properties !== undefined) return properties(schema);
  return schema.type === undefined ? "any" : [schema.type].flat().join("|");
}

function properties({ properties = {}, required = [] }: Schema): Shape {
  const entries = Object.entries(properties).map(([name, value]) => {
    const inner = shape(value as Schema);
    return [required.includes(name) ? name : `${name}?`, inner] as const;
  });
  return Object.fromEntries(entries);
}

/** What all that fits one of two shapes fits. */
function either(a: Shape, b: Shape): Shape {
  if (text(a) === text(b)) return a;
  if (a === "any" || b === "any") return "any";
  if (typeof a === "string" && typeof b === "string") return `${a}|${b}`;
  if (b === "null" && typeof a === "object" && !Array.isArray(a)) return { ...a, "null?": "any" };
  if (typeof a === "string" || typeof b === "string" || Array.isArray(a) || Array.isArray(b)) return "any";
  const shared = Object.keys(a).filter((name) => name in b);
  return Object.fromEntries(shared.map((name) => [name, either(a[name] as Shape, b[name] as Shape)]));
}

function text(shape: Shape): string {
  return JSON.stringify(shape).replaceAll(/"(\w+)":/g, "$1:");
}
