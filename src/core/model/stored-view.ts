/** How a view is kept: within the bytes that its result may have. */

import { sliceWhole } from "../values/text.ts";
import { type StoredResult, sizeOf, sizeOfStored, storeResult } from "./result.ts";
import { bytesOf, type MediaPart, type ResultView, type TextPart, type ViewPart } from "./view.ts";

/** What to keep of a value and of its view: together at most `maxBytes` bytes, of which either may have half. */
export function storeWithView(value: unknown, view: ResultView, maxBytes: number): StoredResult {
  const result = storeResult(value, maxBytes);
  const left = maxBytes - sizeOfStored(result);
  const json = viewWithin(view, Math.max(left, Math.floor(maxBytes / 2)));
  const size = sizeOf(json);
  return { ...(size > left ? storeResult(value, maxBytes - size) : result), view: json };
}

/**
 * As JSON of at most so many bytes: the texts first, and then what media there is room for. Where there is none for some
 * part, the last one says so.
 */
function viewWithin(view: ResultView, maxBytes: number): string {
  const forMore = maxBytes < LEAST_TOLD ? 0 : sizeOfPart(MORE) + ",".length;
  let left = maxBytes - "[]".length - forMore;
  const placed = <Part extends ViewPart>(part: Part, within: Within<Part>) => {
    const kept = left > LEAST_PART ? within(part, left - ",".length) : undefined;
    if (kept !== undefined) left -= sizeOfPart(kept) + ",".length;
    return kept;
  };
  const texts = view.map((part) => (part.type === "text" ? placed(part, textWithin) : part));
  const parts = texts.map((part) => (part?.type === "media" ? placed(part, mediaWithin) : part));
  const kept = parts.filter((part) => part !== undefined);
  return JSON.stringify(forMore > 0 && kept.length < view.length ? [...kept, MORE] : kept);
}

const MORE: TextPart = { type: "text", text: "[There was no room to keep the rest.]" };
/** In bytes that a view may have: with fewer it has no room to say so. */
const LEAST_TOLD = 500;
/** In bytes of JSON. */
const LEAST_PART = 26;

/** A part, or what there is room for of it. */
type Within<Part> = (part: Part, maxBytes: number) => ViewPart | undefined;

/** Its head and its tail where there is no room for all of it; `undefined`: not even for that. */
function textWithin({ text }: TextPart, maxBytes: number): TextPart | undefined {
  let chars = Math.min(text.length, Math.max(0, maxBytes));
  for (;;) {
    const part: TextPart = { type: "text", text: chars < text.length ? endsOf(text, chars) : text };
    const size = sizeOfPart(part);
    if (size <= maxBytes) return part;
    if (chars === 0) return undefined;
    // What is escaped takes six times its characters.
    chars = Math.floor(Math.min(chars * 0.9, (chars * maxBytes) / size));
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
