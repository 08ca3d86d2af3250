import { lastProgress, type NewTaskEvent, numbered, type TaskEvent } from "../../core/model/events.ts";
import type { StoredResult } from "../../core/model/result.ts";
import type { EventPage, EventQuery, Payload } from "../../core/model/store.ts";
import { weightOf } from "../shared/weight.ts";
import { fromText, toText } from "./keys.ts";
import type { Values } from "./statement.ts";

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

/** A batch as it is read, with the first number that the log of its task has; a log without events has no batch. */
export interface BatchRow {
  first_seq: number;
  last_seq: number | null;
  events: string | null;
}

/** The oldest batch may begin with events that are gone from the ring, or were read before. */
export function pageOf(
  rows: readonly BatchRow[],
  taskId: string,
  { after, limit }: EventQuery,
): EventPage | undefined {
  const [first] = rows;
  if (first === undefined) return undefined;
  const firstSeq = first.first_seq;
  const kept = rows
    .flatMap((row) => fromBatch(row, taskId))
    .filter(({ seq }) => seq > after && seq >= firstSeq);
  const events = kept.slice(0, limit);
  return { events, nextAfter: events.at(-1)?.seq ?? after, truncated: after + 1 < firstSeq };
}

function fromBatch({ last_seq, events }: BatchRow, taskId: string): TaskEvent[] {
  if (last_seq === null || events === null) return [];
  const batch: NewTaskEvent[] = JSON.parse(events);
  return numbered(taskId, last_seq - batch.length + 1, batch);
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
  const { lossy } = result;
  if (result.kind === "whole")
    return { about: JSON.stringify({ lossy }), head: toText(result.json), tail: null };
  const { bytes, head, tail } = result;
  return { about: JSON.stringify({ bytes, lossy }), head: toText(head), tail: toText(tail) };
}

export function fromResultRow({ about, head, tail }: ResultRow): StoredResult {
  const { bytes, lossy } = JSON.parse(about);
  if (tail === null) return { kind: "whole", json: fromText(head), lossy };
  return { kind: "cut", head: fromText(head), tail: fromText(tail), bytes, lossy };
}

/** A payload whose texts are as they are kept. */
export function fromPayloadRow({ input, checkpoint }: Payload): Payload {
  return { input: fromText(input), checkpoint: checkpoint === null ? null : fromText(checkpoint) };
}
