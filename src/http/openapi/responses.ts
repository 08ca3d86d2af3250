import * as z from "zod";
import type { HandlerSettings } from "../options.ts";
import { type ProblemCode, problemOf } from "../problems.ts";
import { problemSchema, retryAfterSchema } from "../protocol.ts";
import type { AnswerShape, Route } from "../route.ts";
import { problemsOf } from "./problems-of.ts";
import { schemaOf } from "./schemas.ts";

/** Everything that a route returns, by its status. */
export function responsesOf(route: Route, settings: HandlerSettings): Record<string, ResponseObject> {
  const responses: Record<string, ResponseObject> = {};
  for (const [status, shape] of Object.entries(route.answers)) responses[status] = answered(shape);
  if (isConditional(route)) Object.assign(responses, conditional(responses));
  const codes = problemsOf(route);
  for (const status of new Set(codes.map((code) => problemOf(code).status))) {
    const those = codes.filter((code) => problemOf(code).status === status);
    responses[status] = merged(responses[status], refused(status, those, settings));
  }
  return responses;
}

/** Whether its 200 has a tag, by which the next may be a 304. */
export function isConditional({ method, answers }: Route): boolean {
  return method === "GET" && answers[200]?.content["application/json"] !== undefined;
}

interface ResponseObject {
  description: string;
  headers: Record<string, object>;
  content: Record<string, { schema: object }>;
}

function answered({ description, headers = {}, content }: AnswerShape): ResponseObject {
  const media = Object.entries(content).map(([type, schema]) => [type, { schema: schemaOf(schema) }]);
  return { description, headers: headersOf(headers), content: Object.fromEntries(media) };
}

/** A stream that may come in place of JSON has no tag. */
function conditional({ 200: full }: Record<string, ResponseObject>): Record<string, ResponseObject> {
  const tag = { ETag: z.string().describe("Changes with what is returned.") };
  const unchanged = "Nothing has changed since the `ETag` in `If-None-Match`.";
  return {
    ...(full && { 200: { ...full, headers: { ...full.headers, ...headersOf(tag, !isStream(full)) } } }),
    304: { description: unchanged, headers: headersOf(tag), content: {} },
  };
}

function refused(status: number, codes: ProblemCode[], { challenge }: HandlerSettings): ResponseObject {
  const isForLater = codes.every((code) => problemOf(code).retryAfter !== undefined);
  const isAsking = status === 401 && challenge !== undefined;
  const headers = headersOf({
    ...(isForLater && { "Retry-After": retryAfterSchema }),
    ...(isAsking && { "WWW-Authenticate": z.string().describe("The credentials that are asked for.") }),
  });
  const description = codes.map((code) => `\`${code}\`: ${problemOf(code).detail}`).join(" ");
  const properties = { status: { const: status }, code: { enum: codes } };
  const schema = { ...schemaOf(problemSchema), properties };
  return { description, headers, content: { "application/problem+json": { schema } } };
}

/** Health says in its own words that a server is closing, and in those of a problem that it cannot be asked. */
function merged(one: ResponseObject | undefined, other: ResponseObject): ResponseObject {
  if (one === undefined) return other;
  return {
    description: `${one.description} ${other.description}`,
    headers: { ...one.headers, ...other.headers },
    content: { ...one.content, ...other.content },
  };
}

function isStream({ content }: ResponseObject): boolean {
  return "text/event-stream" in content;
}

function headersOf(schemas: Readonly<Record<string, z.ZodType>>, required = true): Record<string, object> {
  const headers = Object.entries(schemas).map(([name, schema]) => {
    const { description, ...own } = schemaOf(schema);
    return [name, { description, required, schema: own }];
  });
  return Object.fromEntries(headers);
}
