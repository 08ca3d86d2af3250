import type * as z from "zod";
import { readBody } from "./body.ts";
import { parseBody } from "./json.ts";
import { Refusal } from "./refusal.ts";

/** The query parameters, of which the schema gets a repeated one as a list. One that it does not know widens no answer. */
export function readQuery<Query extends z.ZodObject>(schema: Query, { searchParams }: URL): z.infer<Query> {
  const unknown = [...searchParams.keys()].find((name) => !Object.hasOwn(schema.shape, name));
  if (unknown !== undefined) throw unknownParameter(unknown, Object.keys(schema.shape));
  const given: Record<string, string | string[]> = {};
  for (const name of Object.keys(schema.shape)) {
    const [first, ...others] = searchParams.getAll(name);
    if (first !== undefined) given[name] = others.length === 0 ? first : [first, ...others];
  }
  return checked(schema, given, "query");
}

/** The body, in JSON. */
export async function readJson<Body extends z.ZodType>(
  schema: Body,
  request: Request,
  maxBytes = MAX_BODY_BYTES,
): Promise<z.infer<Body>> {
  const type = request.headers.get("Content-Type");
  if (type !== null && !JSON_TYPE.test(type)) throw new Refusal("unsupported_media_type");
  const text = await readBody(request, maxBytes);
  return checked(schema, parseBody(text), "body");
}

/** The headers that a schema names; others are nobody's concern. */
export function readHeaders<Headers extends z.ZodObject>(
  schema: Headers,
  request: Request,
): z.infer<Headers> {
  const names = Object.keys(schema.shape).filter((name) => request.headers.has(name));
  return checked(
    schema,
    Object.fromEntries(names.map((name) => [name, request.headers.get(name)])),
    "header",
  );
}

/** Whether a name that anybody may have chosen can say nothing else. */
export function isPlainName(name: string): boolean {
  return PLAIN_NAME.test(name);
}

/**
 * Refuses what a page from elsewhere can make a browser send. Requests of programs have neither header, and a page cannot
 * forge them. What a browser says of the site counts more than our own URL, which proxies and frameworks rewrite.
 */
export function checkOrigin(request: Request, ownOrigin: string, allowed: readonly string[]): void {
  const origin = request.headers.get("Origin");
  const site = request.headers.get("Sec-Fetch-Site");
  if (origin !== null && allowed.includes(origin)) return;
  const isFromHere = site === null ? isOwn(origin, ownOrigin, request) : HERE.includes(site);
  if (!isFromHere) throw new Refusal("foreign_origin");
}

/** Browsers before 2023, and those of pages without TLS, say no more than the origin. */
function isOwn(origin: string | null, ownOrigin: string, { headers }: Request): boolean {
  if (origin === null || origin === ownOrigin) return true;
  return URL.canParse(origin) && new URL(origin).host === headers.get("Host")?.toLowerCase();
}

/** What a browser says of a page of the same origin, and of its user. */
const HERE = ["same-origin", "none"];
const MAX_BODY_BYTES = 16_384;
const PLAIN_NAME = /^[\w.[\]-]{1,64}$/;
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json *(?:;|$)/i;

function unknownParameter(name: string, known: readonly string[]): Refusal {
  const { field, what } = named(name, "query");
  const there = known.length === 0 ? "there is none here" : `there are ${known.join(", ")}`;
  return new Refusal("unknown_parameter", { field, detail: `${what} is not a query parameter; ${there}.` });
}

function unknownProperty(name: string, schema: z.ZodType): Refusal {
  const { field, what } = named(name, "body");
  const known = Object.keys((schema as z.ZodObject).shape).join(", ");
  return new Refusal("invalid_body", {
    field,
    detail: `${what} is no property of the body; there are ${known}.`,
  });
}

/** Anybody may have chosen the name: it is said only where it can say nothing else. */
function named(name: string, whole: string): { field: string; what: string } {
  return isPlainName(name) ? { field: name, what: name } : { field: whole, what: "One of the names" };
}

function checked<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  whole: "query" | "body" | "header",
): z.infer<Schema> {
  const { data, error } = schema.safeParse(value);
  if (error === undefined) return data as z.infer<Schema>;
  const [issue] = error.issues;
  const field = String(issue?.path[0] ?? whole);
  if (issue?.code === "unrecognized_keys") throw unknownProperty(issue.keys[0] ?? whole, schema);
  throw new Refusal(`invalid_${whole}`, { field, detail: `${field} ${issue?.message}.` });
}
