/** The bodies of requests. Whatever stands before the handler may have read one already. */

import pTimeout from "p-timeout";
import { Refusal } from "./refusal.ts";

/**
 * Keeps no more than it must to see that a body is too large.
 *
 * @throws a `Refusal`: `body_too_large`, `invalid_body` for what is no text, `body_missing` for what has been read before
 */
export async function readBody({ body, bodyUsed, headers }: Request, maxBytes: number): Promise<string> {
  if (bodyUsed || body?.locked) throw readBefore();
  const text = body === null ? "" : await textOf(body, maxBytes);
  if (text === "" && Number(headers.get("Content-Length")) > 0) throw readBefore();
  return text;
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

/**
 * A bridge sends nothing to a client that has gone, and takes a body that another has read for a sign of that. Whether
 * the client is there the bridge still sees by its connection.
 */
export function letAnswer(request: Request): void {
  if (!request.signal.aborted) return;
  Reflect.defineProperty(request, "signal", { value: new AbortController().signal });
}

export function malformedBody(): Refusal {
  return new Refusal("invalid_body", { field: "body", detail: "body must be a JSON object in UTF-8." });
}

const MAX_DISCARDED_BYTES = 1_048_576;
/** In milliseconds: so small a body comes with its headers. */
const FIRST_CHUNK_WITHIN_MS = 1_500;

async function textOf(body: ReadableStream<Uint8Array>, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let size = 0;
  try {
    for await (const chunk of chunksOf(body, FIRST_CHUNK_WITHIN_MS)) {
      size += chunk.byteLength;
      if (size > maxBytes) throw tooLarge(maxBytes);
      text += decoder.decode(chunk, { stream: true });
    }
    return text + decoder.decode();
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw size === 0 ? readBefore() : malformedBody();
  }
}

/** Unlike the stream's own iterator it cancels nothing when it is left: servers cut the connection then. */
async function* chunksOf(
  body: ReadableStream<Uint8Array>,
  firstWithinMs = Number.POSITIVE_INFINITY,
): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    let part = await pTimeout(reader.read(), { milliseconds: firstWithinMs, fallback: refuseReadBefore });
    for (; !part.done; part = await reader.read()) yield part.value;
  } finally {
    reader.releaseLock();
  }
}

function tooLarge(maxBytes: number): Refusal {
  return new Refusal("body_too_large", { detail: `The body must have at most ${maxBytes} bytes.` });
}

function refuseReadBefore(): never {
  throw readBefore();
}

/** A stream that another has read to its end may say nothing any more, not even that it has ended. */
function readBefore(): Refusal {
  return new Refusal("body_missing", {
    field: "body",
    detail:
      "body did not arrive: a body parser in front of the task handler, such as express.json(), has read it. " +
      "Mount the handler before it.",
  });
}
