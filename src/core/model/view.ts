/** A result as its tool shows it to the model, which may be less than the result, and other than text. */

import { oneLine, sliceWhole } from "../values/text.ts";
import { type CompletedResult, type StoredResult, sizeOf, sizeOfStored, storeResult } from "./result.ts";

/** One part of what a model is shown. Plain JSON. */
export type ViewPart = TextPart | MediaPart;

export interface TextPart {
  type: "text";
  text: string;
}

/** An image, a sound or a file. With neither `data` nor `url` it is only told of: there was no room to keep it. */
export interface MediaPart {
  type: "media";
  /** As `image/png`; `image/*` where no more is known. */
  mediaType: string;
  /** In base64. */
  data?: string | undefined;
  /** Where the provider finds it. A model is not told it as text. */
  url?: string | undefined;
  /** Its size, where the data is not here. */
  bytes?: number | undefined;
}

/** What a model is shown of a result, in order. */
export type ResultView = readonly ViewPart[];

/** How a tool shows what it returned to the model. `undefined`: as it is. */
export type ToolView = {
  view(value: unknown): ResultView | undefined | PromiseLike<ResultView | undefined>;
}["view"];

/** The view that a tool has of a value. Where it has failed, the texts of the value alone. Never rejects. */
export async function viewBy(view: ToolView, value: unknown): Promise<ResultView | undefined> {
  try {
    const parts = await view(value);
    return parts?.map(ownPart);
  } catch {
    return textsOf(value);
  }
}

/** Those parts of a value that are texts by the custom of all frameworks; where there are none, it says so. */
export function textsOf(value: unknown): ResultView {
  const texts = textsAmong(blocksOf(value) ?? []);
  return texts.length === 0 ? [UNSHOWN] : texts;
}

/** What an MCP server says of a tool that has failed: such a result is no success. `undefined`: it has not. */
export function mcpFailure(value: unknown): string | undefined {
  const blocks = blocksOf(value, ({ isError }) => isError === true);
  return blocks && (viewText(textsAmong(blocks)) || "The tool does not say why.");
}

/** What to keep of a value and of its view: together at most `maxBytes` bytes, of which either may have half. */
export function storeWithView(value: unknown, view: ResultView, maxBytes: number): StoredResult {
  const result = storeResult(value, maxBytes);
  const left = maxBytes - sizeOfStored(result);
  const json = viewWithin(view, Math.max(left, Math.floor(maxBytes / 2)));
  const size = sizeOf(json);
  return { ...(size > left ? storeResult(value, maxBytes - size) : result), view: json };
}

/** What a model is told of a result. */
export function shownResult(result: CompletedResult, view: ResultView | undefined): CompletedResult {
  if (view === undefined) return result;
  return { status: "completed", value: viewText(view), truncated: null, lossy: [] };
}

/** The view as text, for where nothing but text can be shown. */
export function viewText(view: ResultView): string {
  return view.map((part) => (part.type === "text" ? part.text : labelOf(part))).join("\n");
}

const UNSHOWN: TextPart = {
  type: "text",
  text: "[The result cannot be shown: what the tool shows of it could not be made.]",
};

const MAX_MEDIA_TYPE = 64;
/** Some break its lines. */
const BASE64 = /^[\w+/\s-]*=*\s*$/;
const URL_TEXT = /^[!-~]+$/;

/** A block of content, by the custom of MCP and of all frameworks. */
interface Block {
  type?: unknown;
  text?: unknown;
}

/** The blocks that a value is or holds; `undefined`: it has none. Some objects throw when they are read. */
function blocksOf(value: unknown, isMeant: (holder: { isError?: unknown }) => boolean = () => true) {
  try {
    if (typeof value !== "object" || value === null || !isMeant(value)) return undefined;
    const content: unknown = Array.isArray(value) ? value : (value as { content?: unknown }).content;
    return Array.isArray(content)
      ? content.map(({ type, text }: Block): Block => ({ type, text }))
      : undefined;
  } catch {
    return undefined;
  }
}

function textsAmong(blocks: readonly Block[]): TextPart[] {
  return blocks.flatMap(({ type, text }) =>
    type === "text" && typeof text === "string" ? [{ type, text }] : [],
  );
}

/** A copy without anything else that somebody has put on it. @throws for what is no part */
function ownPart(part: ViewPart): ViewPart {
  if (part.type === "text") return { type: "text", text: checkText(part.text) };
  const { mediaType, data, url } = part;
  const own: MediaPart = { type: "media", mediaType: oneLine(mediaType, MAX_MEDIA_TYPE) };
  if (data !== undefined) own.data = checkText(data, BASE64);
  else if (url !== undefined) own.url = checkText(url, URL_TEXT);
  else if (part.bytes !== undefined) own.bytes = Number(part.bytes);
  return own;
}

function checkText(text: string, form?: RegExp): string {
  if (typeof text === "string" && (form === undefined || form.test(text))) return text;
  throw new TypeError("A part of a view is not what it should be.");
}

/** "[image/png, 12 kB]" */
function labelOf(part: MediaPart): string {
  const bytes = bytesOf(part);
  if (bytes === undefined) return `[${part.mediaType}]`;
  const size = bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
  return `[${part.mediaType}, ${size}]`;
}

function bytesOf({ data, bytes }: MediaPart): number | undefined {
  return data === undefined ? bytes : Math.floor((data.replace(/=+$/, "").length * 3) / 4);
}

/** As JSON of at most so many bytes: the texts first, and then what media there is room for. */
function viewWithin(view: ResultView, maxBytes: number): string {
  let left = maxBytes - "[]".length;
  const placed = <Part extends ViewPart>(
    part: Part,
    within: (part: Part, maxBytes: number) => ViewPart | undefined,
  ) => {
    const kept = within(part, left - ",".length);
    if (kept !== undefined) left -= sizeOfPart(kept) + ",".length;
    return kept;
  };
  const texts = view.map((part) => (part.type === "text" ? placed(part, textWithin) : part));
  const parts = texts.map((part) => (part?.type === "media" ? placed(part, mediaWithin) : part));
  return JSON.stringify(parts.filter((part) => part !== undefined));
}

/** Its head and its tail where there is no room for all of it; `undefined`: not even for that. */
function textWithin({ text }: TextPart, maxBytes: number): TextPart | undefined {
  let chars = Math.min(text.length, Math.max(0, maxBytes));
  for (;;) {
    const part: TextPart = { type: "text", text: chars < text.length ? endsOf(text, chars) : text };
    if (sizeOfPart(part) <= maxBytes) return part;
    if (chars === 0) return undefined;
    chars = Math.floor(chars * 0.8);
  }
}

function endsOf(text: string, chars: number): string {
  const head = sliceWhole(text, 0, Math.ceil(chars / 2));
  const tail = sliceWhole(text, text.length - Math.floor(chars / 2), text.length);
  return `${head}\n[${text.length - head.length - tail.length} characters were not kept here.]\n${tail}`;
}

/** Without its data where there is no room for it. */
function mediaWithin(part: MediaPart, maxBytes: number): MediaPart | undefined {
  const { mediaType } = part;
  const told: MediaPart = { type: "media", mediaType, bytes: bytesOf(part) };
  return [part, told].find((one) => (one.data?.length ?? 0) <= maxBytes && sizeOfPart(one) <= maxBytes);
}

function sizeOfPart(part: ViewPart): number {
  return sizeOf(JSON.stringify(part));
}
