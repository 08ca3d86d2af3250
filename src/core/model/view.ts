/** A result as its tool shows it to the model, which may be less than the result, and other than text. */

import { blockTexts } from "../values/blocks.ts";
import { oneLine } from "../values/text.ts";
import type { CompletedResult } from "./result.ts";

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
  const texts = blockTexts(value) ?? [];
  return (texts.length === 0 ? [UNSHOWN] : texts).map((text) => ({ type: "text", text }));
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

/** The size of what is shown, as far as it is known. */
export function bytesOf({ data, bytes }: MediaPart): number | undefined {
  return data === undefined ? bytes : Math.floor((data.replace(/=+$/, "").length * 3) / 4);
}

const UNSHOWN = "[The result cannot be shown: what the tool shows of it could not be made.]";
const MAX_MEDIA_TYPE = 64;
/** Some break its lines. */
const BASE64 = /^[\w+/\s-]*=*\s*$/;
const URL_TEXT = /^[!-~]+$/;

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
