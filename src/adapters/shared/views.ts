/** What frameworks show a model of a tool's result, in the words of this library. */

import type { MediaPart, ResultView, ViewPart } from "../../core/model/view.ts";

/** The content of a result, block by block; `undefined`: it has none but itself. */
export function viewOfBlocks(content: unknown): ResultView | undefined {
  return Array.isArray(content) ? content.map(partOf) : undefined;
}

/**
 * What `toModelOutput` has answered, in the AI SDK and in Mastra. `undefined`: the framework shows the output as it is.
 *
 * @throws for anything that is no such answer
 */
export function viewOfModelOutput(output: unknown): ResultView | undefined {
  if (output === undefined || output === null) return undefined;
  const { type, value, reason = "The tool was not run." } = output as Record<string, unknown>;
  switch (type) {
    case "text":
    case "error-text":
      return [text(value)];
    case "json":
    case "error-json":
      return [text(JSON.stringify(value) ?? "null")];
    case "execution-denied":
      return [text(reason)];
    case "content":
      if (Array.isArray(value)) return viewOfBlocks(value);
  }
  throw new TypeError("toModelOutput has answered what is no output for a model.");
}

/** Where a message has a place for it: an address, or the data as one. */
export function addressOf({ mediaType, data, url = "" }: MediaPart): string {
  return data === undefined ? url : `data:${mediaType};base64,${data}`;
}

export function isImage({ mediaType }: MediaPart): boolean {
  return /^image\b/.test(mediaType);
}

type Block = Readonly<Record<string, unknown>>;

/** Where blocks of one framework or another have what they are about, if that is not in the block itself. */
const INNER = ["image_url", "input_audio", "resource", "source", "image", "file", "data"];
const MEDIA_TYPE = ["mediaType", "mimeType", "mime_type", "media_type"];
const DATA = ["data", "blob", "fileData", "image", "file"];
const ADDRESS = ["url", "image_url", "imageUrl", "fileUrl"];

function text(text: unknown): ViewPart {
  return { type: "text", text: String(text) };
}

function partOf(block: Block): ViewPart {
  const inner = INNER.map((name) => block[name]).find(isRecord) ?? block;
  const words = [block.text, inner.text].find((found) => typeof found === "string");
  if (words !== undefined) return text(words);
  const mediaType = first([inner, block], MEDIA_TYPE) ?? guessed(`${block.type}`);
  return mediaType === undefined ? text(`[${block.type}]`) : mediaIn([inner, block], `${mediaType}`);
}

function mediaIn(holders: readonly Block[], mediaType: string): MediaPart {
  const found = first(holders, DATA) ?? first(holders, ADDRESS);
  if (found instanceof Uint8Array) return { type: "media", mediaType, data: base64Of(found) };
  const isAddress = found instanceof URL || typeof found === "string";
  return isAddress ? { type: "media", ...sourceOf(`${found}`, mediaType) } : { type: "media", mediaType };
}

/** A data URL, another URL, or base64 as it is. */
function sourceOf(source: string, mediaType: string): Pick<MediaPart, "mediaType" | "data" | "url"> {
  if (!/^[a-z][a-z\d+.-]*:/i.test(source)) return { mediaType, data: source };
  const comma = source.indexOf(",");
  const [type, ...terms] = source.slice("data:".length, comma).split(";");
  if (!source.startsWith("data:") || terms.at(-1) !== "base64") return { mediaType, url: source };
  return { mediaType: type || mediaType, data: source.slice(comma + 1) };
}

/** What a block is about, if it says no more than that; some say it with a word before or after. */
function guessed(type: string): string | undefined {
  const kind = /image|audio|video/.exec(type)?.[0];
  if (kind !== undefined) return `${kind}/*`;
  return /file|media|resource|document/.test(type) ? "application/octet-stream" : undefined;
}

function first(holders: readonly Block[], names: readonly string[]): unknown {
  const all = holders.flatMap((holder) => names.map((name) => holder[name]));
  return all.find(
    (value) =>
      value instanceof Uint8Array || value instanceof URL || (typeof value === "string" && value !== ""),
  );
}

function isRecord(value: unknown): value is Block {
  const isOther = value instanceof Uint8Array || value instanceof URL || Array.isArray(value);
  return typeof value === "object" && value !== null && !isOther;
}

function base64Of({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
}
