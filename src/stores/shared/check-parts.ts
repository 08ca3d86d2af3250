import type { NewTaskEvent } from "../../core/model/events.ts";
import type { StoredResult } from "../../core/model/result.ts";
import { type Check, hasFields, isNumber, isObject, isText, oneOf, orMissing } from "./checks.ts";

/** Whether what was read is a whole result, so that `readResult` can read it. */
export function isStoredResult(value: unknown): value is StoredResult {
  return isObject(value) && (isWhole(value) || isCut(value));
}

/** Whether what was read is an event. */
export const isStoredEvent = hasFields({ at: isNumber, type: oneOf(eventTypes()) }) as (
  value: unknown,
) => value is NewTaskEvent;

const isTextPart = hasFields({ type: oneOf(["text"]), text: isText });
const isMediaPart = hasFields({
  type: oneOf(["media"]),
  mediaType: isText,
  data: orMissing(isText),
  url: orMissing(isText),
  bytes: orMissing(isNumber),
});
const isLossy: Check = (value) => Array.isArray(value) && value.every(isText);
const view = orMissing((value) => isJson(value) && isView(JSON.parse(value as string)));
const isWhole = hasFields({ kind: oneOf(["whole"]), json: isJson, lossy: isLossy, view });
const isCut = hasFields({
  kind: oneOf(["cut"]),
  head: isText,
  tail: isText,
  bytes: isNumber,
  atLeast: orMissing((value) => value === true),
  lossy: isLossy,
  view,
});

function isView(value: unknown): boolean {
  return Array.isArray(value) && value.every((part) => isTextPart(part) || isMediaPart(part));
}

function isJson(value: unknown): boolean {
  try {
    JSON.parse(value as string);
    return isText(value);
  } catch {
    return false;
  }
}

function eventTypes(): readonly NewTaskEvent["type"][] {
  return [
    "task.queued",
    "task.started",
    "task.progress",
    "task.output",
    "task.cancel_requested",
    "task.completed",
    "task.failed",
    "task.cancelled",
    "follow_up.delivered",
    "follow_up.dropped",
  ];
}
