import { lastProgress, type NewTaskEvent } from "../../core/model/events.ts";
import type { TaskPatch } from "../../core/model/lifecycle.ts";
import type { StoredResult } from "../../core/model/result.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import { isStoredEvent, isStoredResult } from "../shared/check-parts.ts";
import { weightOf } from "../shared/weight.ts";
import { FIELDS, NULLABLE } from "./lua/task.ts";

/** Names of fields and their JSON, in turn. */
export type Fields = string[];

/** What an event without a text weighs. */
export const PLAIN_WEIGHT = weightOf({ at: 0, type: "follow_up.delivered" });

/** A new record as a script takes it: whose it is and the rest, each a line of JSON, and what may change. */
export function splitRecord(record: TaskRecord): { whose: string; rest: string; fields: Fields } {
  const { id, userId, sessionId, followUp, ...others } = record;
  const rest: Record<string, unknown> = { ...others };
  for (const field of FIELDS) delete rest[field];
  const isSaid = ([name, json]: [string, string]) => json !== "null" || !NULLABLE.includes(name);
  const fields = pairsOf(record).filter(isSaid).flat();
  return { whose: members({ id, userId, sessionId }), rest: members(rest), fields };
}

/** The fields that a patch names, among those that may change. */
export function fieldsOf(patch: Partial<TaskRecord>): Fields {
  return pairsOf(patch).flat();
}

type Field = (typeof FIELDS)[number];

/** Whatever a transition may change must be kept as a field: else this is no list. */
type Changeable = [Exclude<keyof TaskPatch, "followUp" | Field>] extends [never] ? readonly Field[] : never;

const CHANGEABLE: Changeable = FIELDS;

function pairsOf(patch: Partial<TaskRecord>): [name: string, json: string][] {
  const { status, mode, attempts, holds, reason } = patch.followUp ?? {};
  const values = {
    ...Object.fromEntries(CHANGEABLE.map((field) => [field, patch[field]])),
    ...{ followUpStatus: status, followUpMode: mode, followUpReason: reason },
    ...{ followUpAttempts: attempts, followUpHolds: holds },
  };
  return Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, JSON.stringify(value)]],
  );
}

/** The progress that some events put on their record. */
export function progressIn(events: readonly NewTaskEvent[]): Fields {
  const progress = lastProgress(events);
  return progress === undefined ? [] : ["progress", JSON.stringify(progress)];
}

/** Events as they are kept: each with its weight in front. */
export function written(events: readonly NewTaskEvent[]): string[] {
  return events.map((event) => `${weightOf(event)} ${JSON.stringify(event)}`);
}

/** `undefined`: that is no event. */
export function readEvent(text: string): NewTaskEvent | undefined {
  const event = parsed(text.slice(text.indexOf(" ") + 1));
  return isStoredEvent(event) ? event : undefined;
}

/** `undefined`: that is no result. */
export function readStoredResult(text: string): StoredResult | undefined {
  const result = parsed(text);
  return isStoredResult(result) ? result : undefined;
}

/** `undefined`: that is no JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An object's JSON without its braces. */
function members(value: object): string {
  return JSON.stringify(value).slice(1, -1);
}
