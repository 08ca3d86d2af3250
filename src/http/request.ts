import type * as z from "zod";
import { malformedBody, readBody } from "./body.ts";
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

/** The body, in JSON; an empty one is an empty object. */
export async function readJson<Body extends z.ZodType>(
  schema: Body,
  request: Request,
): Promise<z.infer<Body>> {
  const type = request.headers.get("Content-Type");
  if (type !== null && !JSON_TYPE.test(type)) throw new Refusal("unsupported_media_type");
  const text = await readBody(request);
  return checked(schema, text === "" ? {} : parsed(text), "body");
}

/** A header, if it is there; an empty one is none. */
export function readHeader<Value>(
  name: string,
  schema: z.ZodType<Value>,
  { headers }: Request,
): Value | undefined {
  const given = headers.get(name) ?? "";
  if (given === "") return undefined;
  const { data, error } = schema.safeParse(given);
  if (error === undefined) return data;
  throw new Refusal("invalid_header", { field: name, detail: `${name} ${error.issues[0]?.message}.` });
}

/**
 * Refuses what a page from elsewhere can make a browser send. Requests of programs have neither header.
 * A page cannot forge them, and what it can send without asking is no JSON. A neighbour on the same site is elsewhere
 * too: it is let in by its origin only.
 */
export function checkOrigin(request: Request, ownOrigin: string, allowed: readonly string[]): void {
  const origin = request.headers.get("Origin");
  const site = request.headers.get("Sec-Fetch-Site");
  const isForeign = origin !== null && origin !== ownOrigin && !allowed.includes(origin);
  const isFromHere = site === null || HERE.includes(site) || (site === "same-site" && origin !== null);
  if (isForeign || !isFromHere) throw new Refusal("foreign_origin");
}

/** What a browser says of a page of the same origin, and of its user. */
const HERE = ["same-origin", "none"];
const PLAIN_NAME = /^[\w.[\]-]{1,64}$/;
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json *(?:;|$)/i;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformedBody();
  }
}

/** Anybody may have chosen the name: it is said only where it can say nothing else. */
function unknownParameter(name: string, known: readonly string[]): Refusal {
  const what = PLAIN_NAME.test(name) ? name : "One of the names";
  const there = known.length === 0 ? "there is none here" : `there are ${known.join(", ")}`;
  return new Refusal("unknown_parameter", {
    field: PLAIN_NAME.test(name) ? name : "query",
    detail: `${what} is not a query parameter; ${there}.`,
  });
}

function checked<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  whole: "query" | "body",
): z.infer<Schema> {
  const { data, error } = schema.safeParse(value);
  if (error === undefined) return data as z.infer<Schema>;
  const [issue] = error.issues;
  const field = String(issue?.path[0] ?? whole);
  throw new Refusal(`invalid_${whole}`, { field, detail: `${field} ${issue?.message}.` });
}
