import { lastProgress, type NewTaskEvent, numbered, type TaskEvent } from "../../core/model/events.ts";
import type { StoredResult } from "../../core/model/result.ts";
import type { EventPage, EventQuery, Payload } from "../../core/model/store.ts";
import { isStoredEvent, isStoredResult } from "../shared/check-parts.ts";
import { weightOf } from "../shared/weight.ts";
import { fromText, toText } from "./keys.ts";
import { orNull } from "./rows.ts";
import type { Values } from "./statement.ts";
import { type RowKey, readPart, WrongRowError } from "./wrong-row.ts";

/** Events that are written at once: one row of the log, and nothing of it if there are none. */
export interface Batch {
  json: string | null;
  weights: string | null;
  count: number;
  chars: number;
}

export function toBatch(events: readonly NewTaskEvent[]): Batch {
  if (events.length === 0) return { json: null, weights: null, count: 0, chars: 0 };
  const weights = events.map(weightOf);
  const chars = weights.reduce((sum, weight) => sum + weight, 0);
  return { json: JSON.stringify(events), weights: JSON.stringify(weights), count: events.length, chars };
}

/** Events on their way in: the newest progress or null, and the columns of their batch. */
export type EventValue = "progress" | "events" | "weights" | "count" | "chars";

export function eventValues(events: readonly NewTaskEvent[]): Values<EventValue> {
  const { json, weights, count, chars } = toBatch(events);
  const progress = lastProgress(events);
  return {
    progress: progress === undefined ? null : JSON.stringify(progress),
    events: json,
    weights,
    count,
    chars,
  };
}

/** A batch as it is read, with the numbers that the log of its task has; a log without events has no batch. */
export interface BatchRow extends PartRow {
  first_seq: number;
  end_seq: number;
  last_seq: number | null;
  events: string | null;
}

/** The oldest batch may begin with events that are gone from the ring, or were read before. @throws WrongRowError */
export function pageOf(
  rows: readonly BatchRow[],
  taskId: string,
  { after, limit }: EventQuery,
): EventPage | undefined {
  const [first] = rows;
  if (first === undefined) return undefined;
  const from = Math.max(first.first_seq, after + 1);
  const kept = rows.flatMap((row) => fromBatch(row, taskId)).filter(({ seq }) => seq >= from);
  const events = kept.slice(0, limit);
  const count = Math.min(limit, Math.max(0, first.end_seq - from + 1));
  const isWhole = events.length === count && events.every(({ seq }, index) => seq === from + index);
  if (!isWhole) throw new WrongRowError(first, "its log lacks events", "events");
  return { events, nextAfter: events.at(-1)?.seq ?? after, truncated: after + 1 < first.first_seq };
}

function fromBatch(row: BatchRow, taskId: string): TaskEvent[] {
  checkPart(row);
  const { last_seq: lastSeq, events } = row;
  if (lastSeq === null || events === null) return [];
  const batch = readPart(row, "its log", () => toEvents(events), "events");
  return numbered(taskId, lastSeq - batch.length + 1, batch);
}

function toEvents(text: string): NewTaskEvent[] {
  const events = JSON.parse(text);
  if (Array.isArray(events) && events.every(isStoredEvent)) return events;
  throw new Error("These are no events.");
}

/** What hangs on a task, with the columns that say of which. */
export interface PartRow extends RowKey {
  damage: string | null;
}

function checkPart(row: PartRow): void {
  if (row.damage !== null) throw new WrongRowError(row, row.damage);
}

/** A result as it is kept: what it says about itself, and its texts as they are. */
export interface ResultRow {
  about: string;
  head: string;
  tail: string | null;
}

/** The columns of a {@link ResultRow}, or nulls. */
export function resultValues(result: StoredResult | undefined): Values<keyof ResultRow> {
  if (result === undefined) return { about: null, head: null, tail: null };
  const { lossy, view } = result;
  if (result.kind === "whole")
    return { about: JSON.stringify({ lossy, view }), head: toText(result.json), tail: null };
  const { bytes, atLeast, head, tail } = result;
  return { about: JSON.stringify({ bytes, atLeast, lossy, view }), head: toText(head), tail: toText(tail) };
}

/** Nulls where there is none. */
export interface KeptResult extends PartRow {
  has_result: boolean;
  about: string | null;
  head: string | null;
  tail: string | null;
}

/** `undefined`: there never was one. @throws WrongRowError */
export function fromKeptResult(row: KeptResult): StoredResult | undefined {
  checkPart(row);
  const { about, head, tail } = row;
  if (about !== null && head !== null)
    return readPart(row, "its result", () => toResult({ about, head, tail }), "results");
  if (row.has_result) throw new WrongRowError(row, "its result is missing", "results");
  return undefined;
}

function toResult({ about, head, tail }: ResultRow): StoredResult {
  const said = JSON.parse(about);
  const result =
    tail === null
      ? { ...said, kind: "whole", json: fromText(head) }
      : { ...said, kind: "cut", head: fromText(head), tail: fromText(tail) };
  if (isStoredResult(result)) return result;
  throw new Error("That is no result.");
}

/** A payload whose texts are as they are kept. */
export interface KeptPayload extends PartRow, Payload {}

/** @throws WrongRowError */
export function fromKeptPayload(row: KeptPayload): Payload {
  checkPart(row);
  const read = () => ({ input: toJsonText(row.input), checkpoint: orNull(row.checkpoint, toJsonText) });
  return readPart(row, "its payload", read, "payloads");
}

function toJsonText(text: string): string {
  const json = fromText(text);
  JSON.parse(json);
  return json;
}
