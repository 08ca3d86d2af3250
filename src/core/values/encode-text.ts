/** The texts in a value's JSON text: each as far as there is room for it. */

import { DataUrl } from "./data-url.ts";
import { sliceWhole } from "./text.ts";
import type { Place, Walk } from "./walk.ts";

/** Where there is no room for all of it: its two ends, or nothing. */
export function encodeText(walk: Walk, text: string | DataUrl, place: Place): string {
  const { length } = text;
  const { ends } = walk;
  if (walk.fits(length)) return JSON.stringify(text.slice(0, length));
  if (ends === 0) return encodeNothing(walk, place);
  const head = pieceOf(text, 0, Math.min(length, ends));
  const tail = pieceOf(text, Math.max(head.length, length - ends), length);
  const leftOut = length - head.length - tail.length;
  // What would be escaped in the midst of a text is not looked for.
  walk.leaveOut(leftOut, leftOut === 0 || text instanceof DataUrl);
  return JSON.stringify(head).slice(0, -1) + JSON.stringify(tail).slice(1);
}

/** What stands for a value that JSON cannot carry. */
export function encodeMarker(walk: Walk, marker: string, place: Place): string {
  walk.note(place);
  return encodeText(walk, marker, place);
}

/** Says in a value's place that there was no room for it. */
export function encodeNothing(walk: Walk, place: Place): string {
  walk.note(place);
  walk.end(SIZE_LIMIT.length);
  return SIZE_LIMIT;
}

/** A key is always there, to name what there was no room for. */
export function encodeKey(walk: Walk, key: string, place: Place): string {
  if (walk.ends > 0) return encodeText(walk, key, place);
  if (!walk.fits(key.length)) walk.end(0);
  return JSON.stringify(key);
}

const SIZE_LIMIT = JSON.stringify("[Size limit]");

function pieceOf(text: string | DataUrl, start: number, end: number): string {
  return text instanceof DataUrl ? text.slice(start, end) : sliceWhole(text, start, end);
}
