/** What a message says of one task: in words of its own, and what others have chosen apart from them. */

import { isNothing } from "../core/model/result.ts";
import type { CancelledBy, TaskErrorCode, TaskInfo } from "../core/model/task.ts";
import { shownResult } from "../core/model/view.ts";
import { firstPaths } from "../core/values/names.ts";
import { oneLine } from "../core/values/text.ts";
import { changedNote, type Excerpt, resultExcerpt, sizeNote, textExcerpt } from "./excerpt.ts";
import type { FollowUp } from "./follow-up.ts";

/** One task, before the delimiters of its data are known. */
export interface Section {
  /** How it ended: nobody but this library has a say in them. */
  lines: string[];
  /** What the call is called: one line of JSON. A model, a tool or a server may have chosen any of it. */
  call: string;
  /** What it came to, under a label. */
  data: { label: string; text: Excerpt } | null;
}

/** A task's lines and its data, cut to `maxChars` UTF-16 code units. */
export function sectionOf({ task, result, view }: FollowUp, maxChars: number): Section {
  if (result.status === "completed") {
    const shown = shownResult(result, view);
    if (isNothing(shown)) return { lines: [NOTHING], call: callOf(task, []), data: null };
    const lines = ["Outcome: completed.", ...sizeNote(shown), ...changedNote(shown)];
    const text = resultExcerpt(shown, task.id, maxChars);
    return { lines, call: callOf(task, shown.lossy), data: { label: "Result:", text } };
  }
  const call = callOf(task, []);
  if (result.status === "cancelled") {
    const { by, reason } = result;
    const text = reason === null ? null : textExcerpt(reason, maxChars);
    return { lines: [cancelLine(by)], call, data: text && { label: "Reason:", text } };
  }
  const { code, message } = result.error;
  const text = textExcerpt(message, maxChars);
  return { lines: [failureLine(code)], call, data: { label: "Error message:", text } };
}

const MAX_FIELD = 128;
const NOTHING = "Outcome: completed. The tool returned nothing.";

const FAILURES: Record<TaskErrorCode, string> = {
  tool_error: "The tool reported an error.",
  deadline_exceeded: "It did not finish within its time limit. Part of its work may be done.",
  lost: "The process that ran it is gone. Whether it took effect is unknown.",
  shutdown: "The process that ran it was shut down. Part of its work may be done.",
  input_invalid: "The tool does not accept its input.",
  tool_unknown: "The process that was to run it has no tool of this name.",
};

const CANCELS: Record<CancelledBy, string> = {
  user: "cancelled by the user",
  model: "cancelled by the model",
  host: "cancelled by the application",
  turn: "cancelled because the turn that made the call was aborted",
};

function cancelLine(by: CancelledBy): string {
  return `Outcome: ${CANCELS[by]}. Part of its work may be done.`;
}

function failureLine(code: TaskErrorCode): string {
  return `Outcome: failed (${code}). ${FAILURES[code]}`;
}

function callOf({ id, toolName, toolCallId, summary }: TaskInfo, lossy: readonly string[]): string {
  return JSON.stringify({
    tool: field(toolName),
    task_id: field(id),
    // A call that its framework gave no id has that of its task, which the model has never called it by.
    tool_call_id: toolCallId === id ? undefined : field(toolCallId),
    summary: field(summary),
    changed: lossy.length === 0 ? undefined : firstPaths(lossy),
  });
}

function field(text: string): string {
  return oneLine(text, MAX_FIELD);
}
