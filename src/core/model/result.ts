/** How a result is kept: whole while it is small enough, else its head and its tail. */

import { encode } from "../values/encode.ts";
import { whole } from "../values/kinds.ts";
import { primitiveMarker } from "../values/markers.ts";
import { option, type Table } from "../values/options.ts";
import { sliceWhole } from "../values/text.ts";
import { MAX_TEXT } from "../values/walk.ts";
import type { TruncatedResult } from "./task.ts";

/** A result as a store keeps it. Plain JSON. `lossy` holds the paths of what JSON could not carry. */
export type StoredResult = WholeResult | CutResult;

/** A result as it is answered: the `completed` variants of TaskResult. */
export type CompletedResult =
  | { status: "completed"; value: unknown; truncated: null; lossy: string[] }
  | {
      status: "completed";
      value: { head: string; tail: string };
      truncated: TruncatedResult;
      lossy: string[];
    };

/** A stretch of the kept text, in UTF-16 code units. */
export interface ResultRange {
  /** @default 0 */
  offset?: number | undefined;
  /** @default to the end */
  limit?: number | undefined;
}

export const RANGE = { offset: option(whole(0)), limit: option(whole(0)) } satisfies Table<ResultRange>;

/**
 * What to keep of a tool's return value. It is kept whole while its JSON text has at most `maxBytes` bytes of
 * UTF-8. Beyond that a head and a tail are kept, each at most half of `maxBytes`, and no code point is split:
 * pieces of the string itself where the value is a string, else of its JSON text. `bytes` is the size of the
 * text that was cut; of what has more than four times `maxBytes`, no more is looked at, and `bytes` is the least that it
 * can be. What `lossy` takes, an eighth at most, is not left for the value.
 */
export function storeResult(value: unknown, maxBytes: number): StoredResult {
  const most = Math.min(maxBytes, MAX_TEXT);
  // A string that is too long as it stands need not be encoded to know it.
  if (typeof value === "string" && value.length > most) return cut(value, most, []);
  const { json, lossy: all, leftOut, isCounted } = encode(value, { keep: most });
  const lossy = pathsWithin(all, Math.floor(most / LOSSY_SHARE));
  const left = Math.max(0, most - sizeOfPaths(lossy));
  if (fits(json, left)) return { kind: "whole", json, lossy };
  if (typeof value === "string") return cut(value, left, lossy);
  const stored = cut(json, left, lossy);
  return { ...stored, bytes: stored.bytes + leftOut, ...(!isCounted && { atLeast: true }) };
}

/**
 * The answer to a reader. Without a range, a whole result is the value itself. With one, it is that slice of
 * the kept text: of the string itself for a string, else of the JSON text. Where the result was cut, the
 * range counts through the head and on through the tail. A slice never splits a surrogate pair, and slices
 * that meet miss nothing.
 */
export function readResult(stored: StoredResult, range?: ResultRange): CompletedResult {
  const { lossy } = stored;
  if (stored.kind === "whole") {
    return { status: "completed", value: readWhole(stored.json, range), truncated: null, lossy };
  }
  const value = readCut(stored.head, stored.tail, range);
  const { bytes, atLeast } = stored;
  return { status: "completed", value, truncated: atLeast ? { bytes, atLeast } : { bytes }, lossy };
}

interface WholeResult extends Viewed {
  kind: "whole";
  json: string;
  lossy: string[];
}

interface CutResult extends TruncatedResult, Viewed {
  kind: "cut";
  head: string;
  tail: string;
  lossy: string[];
}

interface Viewed {
  /** What a model is shown in its place, a `ResultView` as JSON. Absent: the result itself. */
  view?: string | undefined;
}

/** What it takes of the bytes that may be kept. */
export function sizeOfStored(stored: StoredResult): number {
  const texts = stored.kind === "whole" ? [stored.json] : [stored.head, stored.tail];
  return texts.reduce((sum, text) => sum + sizeOf(text), sizeOfPaths(stored.lossy));
}

/** Whether the tool returned nothing at all: a text that only looks like it is not lossy. */
export function isNothing({ value, lossy }: CompletedResult): boolean {
  return value === primitiveMarker(undefined) && lossy[0] === "";
}

/** What JSON could not carry may be most of a value, and its paths longer than the value itself. */
const LOSSY_SHARE = 8;
const MORE = "…";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function readWhole(json: string, range: ResultRange | undefined): unknown {
  const value: unknown = JSON.parse(json);
  if (range === undefined) return value;
  const [start, end] = edges(range);
  return sliceWhole(typeof value === "string" ? value : json, start, end);
}

function readCut(head: string, tail: string, range: ResultRange = {}): { head: string; tail: string } {
  const [start, end] = edges(range);
  const seam = head.length;
  return {
    head: sliceWhole(head, start, end),
    tail: sliceWhole(tail, Math.max(0, start - seam), Math.max(0, end - seam)),
  };
}

function edges(range: ResultRange): [start: number, end: number] {
  const start = Math.max(0, range.offset ?? 0);
  return [start, start + Math.max(0, range.limit ?? Number.POSITIVE_INFINITY)];
}

function cut(text: string, maxBytes: number, lossy: string[]): CutResult {
  const half = Math.floor(maxBytes / 2);
  const head = headOf(text, half);
  const tail = tailOf(text.slice(head.length), half);
  return { kind: "cut", head, tail, bytes: sizeOf(text), lossy };
}

function headOf(text: string, maxBytes: number): string {
  const bytes = new Uint8Array(maxBytes);
  const { written } = encoder.encodeInto(text.slice(0, maxBytes), bytes);
  return decoder.decode(bytes.subarray(0, written));
}

function tailOf(text: string, maxBytes: number): string {
  const bytes = encoder.encode(text.slice(Math.max(0, text.length - maxBytes)));
  let start = Math.max(0, bytes.length - maxBytes);
  while (isContinuation(bytes[start])) start += 1;
  return decoder.decode(bytes.subarray(start));
}

/** Whether a byte of UTF-8 stands inside a code point. */
function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0b1100_0000) === 0b1000_0000;
}

/** The first of the paths, with a last "…" where that is not all of them. At least that one is there. */
function pathsWithin(paths: string[], maxBytes: number): string[] {
  if (sizeOfPaths(paths) <= maxBytes) return paths;
  const kept = paths.filter((path) => path !== MORE);
  while (kept.length > 0 && sizeOfPaths([...kept, MORE]) > maxBytes) kept.pop();
  return [...kept, MORE];
}

function sizeOfPaths(paths: readonly string[]): number {
  return paths.length === 0 ? 0 : sizeOf(JSON.stringify(paths));
}

function fits(json: string, maxBytes: number): boolean {
  // A code unit takes at most three bytes, so most texts need no counting.
  if (json.length * 3 <= maxBytes) return true;
  return json.length <= maxBytes && sizeOf(json) <= maxBytes;
}

/** In bytes of UTF-8. Without Node's own way to count, all of them have to be made. */
export function sizeOf(text: string): number {
  return globalThis.Buffer?.byteLength(text) ?? encoder.encode(text).length;
}
