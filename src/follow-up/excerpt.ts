/** What a message shows of a text that may be long: head and tail, and how to read what lies between. */

import type { CompletedResult } from "../core/model/result.ts";
import { encode } from "../core/values/encode.ts";
import { named } from "../core/values/names.ts";
import { sendable } from "../core/values/sendable.ts";
import { sliceWhole } from "../core/values/text.ts";

/** A text, or its head and its tail. */
export interface Excerpt {
  head: string;
  /** Says what is missing between head and tail. `null`: the head is all there is. */
  gap: string | null;
  tail: string;
}

/** The start and the end of a text of which nothing else is kept. */
export function textExcerpt(text: string, maxChars: number): Excerpt {
  const { head, leftOut, tail } = cut(text, maxChars);
  return excerptOf(head, leftOut === 0 ? null : `${leftOut} characters are left out here.`, tail);
}

/** The same of a result, with the way to read what is left out: offsets count as those of `result()` do. */
export function resultExcerpt(result: CompletedResult, taskId: string, maxChars: number): Excerpt {
  const { text, seam } = keptText(result);
  const { head, leftOut, tail } = cut(text, maxChars, seam);
  if (leftOut > 0) return excerptOf(head, wayToRead(leftOut, head.length, taskId), tail);
  return excerptOf(head, seam === undefined ? null : "The kept head ends here. The kept tail follows.", tail);
}

/** What the reader of a result should know that was too large to be kept. */
export function sizeNote({ truncated }: CompletedResult): string[] {
  if (truncated === null) return [];
  return [
    `Size: ${truncated.atLeast ? "at least " : ""}${truncated.bytes} bytes. Only the head and the tail of this result were kept.`,
  ];
}

/** The same of one that JSON could not carry as it was. Its paths are made of the result's keys: they are data. */
export function changedNote({ lossy }: CompletedResult): string[] {
  if (lossy.length === 0) return [];
  const places =
    lossy.length === 1 && lossy[0] === "" ? "it as it was" : `${countOf(lossy)} of its values as they were`;
  return [`Changed: JSON cannot carry ${places}; see "changed".`];
}

interface Cut {
  head: string;
  /** Between head and tail, in UTF-16 code units. */
  leftOut: number;
  tail: string;
}

/** The text in which offsets count. `seam`: where the kept head ends, if the store has kept no more. */
function keptText(result: CompletedResult): { text: string; seam?: number } {
  if (result.truncated !== null) {
    const { head, tail } = result.value;
    return { text: head + tail, seam: head.length };
  }
  const { value } = result;
  return { text: typeof value === "string" ? value : encode(value).json };
}

/** Where a seam is given, it lies in what is left out, or between head and tail. */
function cut(text: string, maxChars: number, seam?: number): Cut {
  if (text.length <= maxChars)
    return { head: text.slice(0, seam), leftOut: 0, tail: text.slice(seam ?? text.length) };
  const half = Math.floor(maxChars / 2);
  const room = seam === undefined ? half : Math.min(seam, Math.max(half, maxChars - (text.length - seam)));
  const head = sliceWhole(text, 0, room);
  const tail = sliceWhole(text, text.length - (maxChars - head.length), text.length);
  return { head, leftOut: text.length - head.length - tail.length, tail };
}

function wayToRead(leftOut: number, offset: number, taskId: string): string {
  const call = `call task_output with task_id${named(taskId)} and offset ${offset}`;
  return `${leftOut} characters are left out here. To read them, ${call}, if you have that tool.`;
}

/** A last "…" stands for an unknown number of paths. */
function countOf(lossy: readonly string[]): string {
  return lossy.at(-1) === "…" ? `at least ${lossy.length}` : `${lossy.length}`;
}

function excerptOf(head: string, gap: string | null, tail: string): Excerpt {
  return { head: sendable(head), gap, tail: sendable(tail) };
}
