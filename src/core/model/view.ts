/** A result as its tool shows it to the model, which may be less than the result, and other than text. */

import { blockTexts } from "../values/blocks.ts";
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
  return data === undefined ? bytes : Math.floor((data.replace(/={1,2}$/, "").length * 3) / 4);
}

const UNSHOWN = "[The result cannot be shown: what the tool shows of it could not be made.]";

/** "[image/png, 12 kB]" */
function labelOf(part: MediaPart): string {
  const bytes = bytesOf(part);
  if (bytes === undefined) return `[${part.mediaType}]`;
  const size = bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
  return `[${part.mediaType}, ${size}]`;
}
