import type * as z from "zod";
import type { HandlerSettings } from "../options.ts";
import { taskPathSchema } from "../protocol.ts";
import type { Route } from "../route.ts";
import { isConditional, responsesOf } from "./responses.ts";
import { propertiesOf, schemaOf } from "./schemas.ts";

/** One route, as an operation. */
export function operationOf(route: Route, settings: HandlerSettings): object {
  return {
    operationId: route.name,
    summary: route.summary,
    tags: ["tasks"],
    ...("open" in route && { security: [] }),
    parameters: parametersOf(route),
    ...(route.body && { requestBody: requestBody(route.body) }),
    responses: responsesOf(route, settings),
  };
}

const IF_NONE_MATCH = {
  name: "If-None-Match",
  in: "header",
  description: "The `ETag` of an answer that is known already.",
  schema: { type: "string" },
};

function parametersOf(route: Route): object[] {
  const { path, query, headers } = route;
  return [
    ...(path.includes("/:id") ? parametersIn("path", taskPathSchema) : []),
    ...(query ? parametersIn("query", query) : []),
    ...(headers ? parametersIn("header", headers) : []),
    ...(isConditional(route) ? [IF_NONE_MATCH] : []),
  ];
}

function parametersIn(place: "path" | "query" | "header", schema: z.ZodObject): object[] {
  return Object.entries(propertiesOf(schema)).map(([name, { description, ...own }]) => ({
    name,
    in: place,
    description,
    ...(place === "path" && { required: true }),
    ...(own.type === "array" && { style: "form", explode: false }),
    schema: own,
  }));
}

/** An empty body is an empty object. */
function requestBody(schema: z.ZodType): object {
  const required = !schema.safeParse({}).success;
  return { required, content: { "application/json": { schema: schemaOf(schema) } } };
}
