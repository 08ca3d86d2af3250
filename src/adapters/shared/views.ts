/** What frameworks show a model of a tool's result, in the words of this library. */

import { readDataUrl } from "../../core/model/make-view.ts";
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

/**
 * What a user's message carries: most providers take images there, and refuse the whole conversation for a file of a
 * type that they do not know. Of data they want to know the type.
 */
export function carried(media: readonly MediaPart[] = []): readonly MediaPart[] {
  return media.filter(({ mediaType, data, url }) => {
    return /^image\b/.test(mediaType) && (data === undefined ? url !== undefined : !isOpen(mediaType));
  });
}

type Block = Readonly<Record<string, unknown>>;

/** Where blocks of one framework or another have what they are about, if that is not in the block itself. */
const INNER = ["image_url", "input_audio", "resource", "source", "image", "file", "data"];
const MEDIA_TYPE = ["mediaType", "mimeType", "mime_type", "media_type"];
const DATA = ["data", "blob", "fileData", "image", "file"];
const ADDRESS = ["url", "image_url", "imageUrl", "fileUrl"];
/** Without any of them a block is not about media, whatever it is called: as in the list of a folder. */
const SOURCES = [...DATA, ...ADDRESS, "id", "fileId", "file_id", "providerReference"];
const MEDIA = /image|audio|video/;
/** How the base64 of an image begins. */
const BEGINNINGS: Record<string, string> = {
  "image/png": "iVBORw0KGgo",
  "image/jpeg": "/9j/",
  "image/gif": "R0lGOD",
  "image/webp": "UklGR",
};

function text(text: unknown): ViewPart {
  return { type: "text", text: String(text) };
}

function partOf(block: unknown): ViewPart {
  if (!isRecord(block)) return text(typeof block === "string" ? block : jsonOf(block));
  const inner = INNER.map((name) => block[name]).find(isRecord) ?? block;
  const words = [block.text, inner.text, inner.type === "text" && inner.data].find(isText);
  if (words !== undefined) return text(words);
  const type = `${block.type}`;
  const mediaType = first([inner, block], MEDIA_TYPE) ?? guessed(type);
  const isMedia = MEDIA.test(type) || SOURCES.some((name) => name in inner || name in block);
  return mediaType === undefined || !isMedia ? text(wordsOf(block)) : mediaIn([inner, block], `${mediaType}`);
}

/** Of a block that is of no kind that is known here. What is meant for one provider is no text for a model. */
function wordsOf({ providerOptions: _, ...block }: Block): string {
  const isNamed = isText(block.type) && Object.keys(block).length === 1;
  return isNamed ? `[${block.type}]` : jsonOf(block);
}

function jsonOf(value: unknown): string {
  return JSON.stringify(value) ?? "null";
}

function mediaIn(holders: readonly Block[], mediaType: string): MediaPart {
  const found = first(holders, DATA) ?? first(holders, ADDRESS);
  const isAddress = found instanceof URL || isText(found);
  const data = found instanceof Uint8Array ? base64Of(found) : undefined;
  const source = isAddress ? sourceOf(`${found}`, mediaType) : { mediaType, ...(data && { data }) };
  return { type: "media", ...source, mediaType: closed(source) };
}

/** The type of data is told by what they begin with, where nobody has said it. */
function closed({ mediaType, data }: Omit<MediaPart, "type">): string {
  if (data === undefined || !isOpen(mediaType)) return mediaType;
  const found = Object.keys(BEGINNINGS).find((type) => data.startsWith(BEGINNINGS[type] as string));
  return found ?? mediaType;
}

/** "image/*", or "image". */
function isOpen(mediaType: string): boolean {
  return /^image(?:\/\*)?$/.test(mediaType);
}

/** A data URL, another URL, or base64 as it is. */
function sourceOf(source: string, mediaType: string): Omit<MediaPart, "type"> {
  if (!/^[a-z][a-z\d+.-]*:/i.test(source)) return { mediaType, data: source };
  const held = readDataUrl(source);
  return held ? { ...held, mediaType: held.mediaType || mediaType } : { mediaType, url: source };
}

/** What a block is about, if it says no more than that; some say it with a word before or after. */
function guessed(type: string): string | undefined {
  const kind = MEDIA.exec(type)?.[0];
  if (kind !== undefined) return `${kind}/*`;
  return /file|media|resource|document/.test(type) ? "application/octet-stream" : undefined;
}

function first(holders: readonly Block[], names: readonly string[]): unknown {
  const all = holders.flatMap((holder) => names.map((name) => holder[name]));
  return all.find(
    (value) => value instanceof Uint8Array || value instanceof URL || (isText(value) && value !== ""),
  );
}

function isRecord(value: unknown): value is Block {
  const isOther = value instanceof Uint8Array || value instanceof URL || Array.isArray(value);
  return typeof value === "object" && value !== null && !isOther;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function base64Of({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
}
