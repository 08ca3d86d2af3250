import { Refusal } from "./refusal.ts";

/** What a route returns. */
export interface Answer<Body = unknown, Status extends number = number> {
  status: Status;
  body: Body;
  headers?: Record<string, string>;
  /** The body, where it has been written already. */
  written?: Written;
}

/** A body as it goes out. */
export interface Written {
  text: string;
  etag: string;
}

/** What a route returns that goes on: a stream, or that there is nothing more to come for. */
export interface StreamAnswer {
  status: 200 | 204;
  /** `null` to a HEAD. */
  stream: ReadableStream<Uint8Array> | null;
}

export function ok<Body>(body: Body): Answer<Body, 200> {
  return { status: 200, body };
}

/** Missing and foreign are one answer. */
export function found<Thing>(thing: Thing | undefined): Thing {
  if (thing === undefined) throw new Refusal("not_found");
  return thing;
}

/** The text of a body, and a tag made of it. */
export async function write(body: unknown): Promise<Written> {
  const text = JSON.stringify(body);
  const digest = await crypto.subtle.digest("SHA-256", encoder.encode(text));
  const tag = btoa(String.fromCharCode(...new Uint8Array(digest, 0, 15)));
  // Weak, because what stands between us and the client may compress the bytes that were hashed.
  return { text, etag: `W/"${tag}"` };
}

export function toResponse({ status, body, headers }: Answer | Refusal): Response {
  const common = { ...COMMON_HEADERS, "Content-Type": "application/json" };
  return new Response(JSON.stringify(body), { status, headers: { ...common, ...headers } });
}

/** Nobody on the way may keep it, change it, or hold back what has come. */
export function toStreamResponse({ status, stream }: StreamAnswer): Response {
  const headers = {
    ...COMMON_HEADERS,
    Vary: `${VARY}, Accept`,
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
  };
  if (status === 204) return new Response(null, { status, headers });
  return new Response(stream, { headers: { ...headers, "Content-Type": "text/event-stream" } });
}

/** A 200 with its tag, or 304 where the client has it already. */
export async function toConditionalResponse(answer: Answer, request: Request): Promise<Response> {
  const { text, etag } = answer.written ?? (await write(answer.body));
  const headers = { ...COMMON_HEADERS, ETag: etag, ...answer.headers };
  if (isKnownTo(request, etag)) return new Response(null, { status: 304, headers });
  return new Response(text, { headers: { "Content-Type": "application/json", ...headers } });
}

/** Whether the client has what this tag stands for. The comparison is weak: the prefix says nothing. */
export function isKnownTo({ headers }: Request, etag: string): boolean {
  const ifNoneMatch = headers.get("If-None-Match");
  if (ifNoneMatch === null) return false;
  if (ifNoneMatch.trim() === "*") return true;
  const opaque = (tag: string) => tag.trim().replace(/^W\//, "");
  // A tag of ours holds no comma, so it does not matter where those of others are parted.
  return ifNoneMatch.split(",").map(opaque).includes(opaque(etag));
}

/** By which request headers every answer differs. */
export const VARY = "Authorization, Cookie";

/** Nothing of it stays on a disk: a client that wants to spare itself a body keeps the tag, and the body, itself. */
const COMMON_HEADERS = {
  "Cache-Control": "private, no-store",
  Vary: VARY,
  "X-Content-Type-Options": "nosniff",
};

const encoder = new TextEncoder();
