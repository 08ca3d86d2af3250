import type * as z from "zod";
import { type CancelBody, cancelBodySchema } from "./protocol.ts";
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

/** The body of a cancel request; an empty one is an empty object. */
export async function readCancelBody(request: Request): Promise<CancelBody> {
  const type = request.headers.get("Content-Type");
  if (type !== null && !JSON_TYPE.test(type)) throw new Refusal(415);
  const text = await readText(request);
  return checked(cancelBodySchema, text === "" ? {} : parsed(text), "body");
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
  if (isForeign || !isFromHere) throw new Refusal(403);
}

/** Lets the connection go on after an answer to a body that was not read to its end. */
export async function discardBody({ body }: Request): Promise<void> {
  if (body === null) return;
  let size = 0;
  for await (const chunk of chunksOf(body)) {
    size += chunk.byteLength;
    if (size > MAX_DISCARDED_BYTES) break;
  }
  await body.cancel();
}

/** What a browser says of a page of the same origin, and of its user. */
const HERE = ["same-origin", "none"];
const PLAIN_NAME = /^[\w.[\]-]{1,64}$/;
const MAX_BODY_BYTES = 16_384;
const MAX_DISCARDED_BYTES = 1_048_576;
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json *(?:;|$)/i;

/** Keeps no more than it must to see that a body is too large. */
async function readText({ body, bodyUsed }: Request): Promise<string> {
  if (bodyUsed) throw new Error("The body was read before the request came to the task handler.");
  if (body === null) return "";
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let size = 0;
  try {
    for await (const chunk of chunksOf(body)) {
      size += chunk.byteLength;
      if (size > MAX_BODY_BYTES) throw new Refusal(413);
      text += decoder.decode(chunk, { stream: true });
    }
    return text + decoder.decode();
  } catch (error) {
    throw error instanceof Refusal ? error : malformedBody();
  }
}

/** Unlike the stream's own iterator it cancels nothing when it is left: servers cut the connection then. */
async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
  } finally {
    reader.releaseLock();
  }
}

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
  return new Refusal(400, {
    field: PLAIN_NAME.test(name) ? name : "query",
    detail: `${what} is not a query parameter; ${there}.`,
  });
}

function malformedBody(): Refusal {
  return new Refusal(400, { field: "body", detail: "body must be a JSON object in UTF-8." });
}

function checked<Schema extends z.ZodType>(schema: Schema, value: unknown, whole: string): z.infer<Schema> {
  const { data, error } = schema.safeParse(value);
  if (error === undefined) return data as z.infer<Schema>;
  const [issue] = error.issues;
  const field = String(issue?.path[0] ?? whole);
  throw new Refusal(400, { field, detail: `${field} ${issue?.message}.` });
}
