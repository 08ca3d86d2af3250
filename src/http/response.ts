import type { Refusal } from "./refusal.ts";

/** What a route answers. */
export interface Answer<Body = unknown> {
  status: number;
  body: Body;
  headers?: Record<string, string>;
}

/** `no-cache` lets a client keep an answer if it asks each time whether it still holds. */
const COMMON_HEADERS = {
  "Cache-Control": "private, no-cache",
  "Content-Type": "application/json",
  Vary: "Authorization, Cookie",
  "X-Content-Type-Options": "nosniff",
};

const encoder = new TextEncoder();

export function toResponse({ status, body, headers }: Answer | Refusal): Response {
  return new Response(JSON.stringify(body), { status, headers: { ...COMMON_HEADERS, ...headers } });
}

/** The answer to a GET, or 304 where the client has it already. */
export async function toConditionalResponse(answer: Answer, request: Request): Promise<Response> {
  if (answer.status !== 200) return toResponse(answer);
  const text = JSON.stringify(answer.body);
  const { "Content-Type": type, ...common } = COMMON_HEADERS;
  const headers = { ...common, ETag: await etagOf(text) };
  if (matches(request.headers.get("If-None-Match"), headers.ETag)) {
    return new Response(null, { status: 304, headers });
  }
  return new Response(text, { headers: { ...headers, "Content-Type": type } });
}

/** Weak, because what stands between us and the client may compress the bytes that were hashed. */
async function etagOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", encoder.encode(text));
  return `W/"${btoa(String.fromCharCode(...new Uint8Array(digest, 0, 15)))}"`;
}

/** Weak comparison: the prefix says nothing. */
function matches(ifNoneMatch: string | null, etag: string): boolean {
  if (ifNoneMatch === null) return false;
  if (ifNoneMatch.trim() === "*") return true;
  const opaque = (tag: string) => tag.trim().replace(/^W\//, "");
  // A tag of ours holds no comma, so it does not matter where those of others are parted.
  return ifNoneMatch.split(",").map(opaque).includes(opaque(etag));
}
