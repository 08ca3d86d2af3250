/** One line that says what a task does, or why it failed, and tells no secret. */

import { type Reason, reasonsOf } from "./reasons.ts";
import { maskText, type Redact, redactProperty } from "./redact.ts";
import { MASK } from "./secrets/mask.ts";
import { showInput } from "./show.ts";
import { oneLine, sliceWhole } from "./text.ts";

/**
 * A tool call as one line of at most 128 code points, secrets masked. Never throws, and never walks a large
 * input.
 *
 * @example
 * summarize({ toolName: "login", input: { user: "bob", password: "x" } });
 * // 'login(user="bob", password=***)'
 */
export function summarize<I>(request: SummaryRequest<I>): string {
  const name = oneLine(request.toolName, MAX_TOOL_NAME);
  const unknown = `${name}(…)`;
  try {
    const own = request.summarize;
    const text = own
      ? ownSummary(own(request.input))
      : `${name}(${showInput(request.input, request.redact)})`;
    return oneLine(text, MAX_SUMMARY) || unknown;
  } catch {
    return unknown;
  }
}

/**
 * Why a tool failed, with its causes, as one line of at most 512 code points, secrets masked. Never throws. A `redact` is
 * asked for each message with the key "message"; where it answers no text, the message is masked.
 */
export function describeError(thrown: unknown, redact?: Redact): string {
  const reasons = reasonsOf(thrown);
  let line = "";
  let room = MAX_TOLD;
  // From the innermost on, which tells most: what it leaves is for the others.
  for (let left = reasons.length; left > 0; left -= 1) {
    const { joint, text } = reasons[left - 1] as Reason;
    const before = left === 1 ? "" : joint;
    const share = Math.floor(room / left) - before.length;
    line = before + clean("message", text, redact, share) + line;
    room = MAX_TOLD - [...line].length;
  }
  return line;
}

/** Why somebody has a task stopped, as {@link describeError} says why one has failed. */
export function cleanReason(reason: string, redact?: Redact): string {
  return clean("reason", reason, redact);
}

const MAX_SUMMARY = 128;
const MAX_TOLD = 512;
const MAX_TOOL_NAME = 64;
/** In UTF-16 code units: far more than is shown, so that a secret is recognized whole. */
const MAX_MASKED = 16_384;

/** What to summarize. */
interface SummaryRequest<I> {
  toolName: string;
  input: I;
  /** The tool's own summary. If it throws, or answers no text, the summary is `toolName(…)`. */
  summarize?: ((input: I) => string) | undefined;
  redact?: Redact | undefined;
}

function clean(key: string, text: string, redact: Redact | undefined, maxCodePoints = MAX_TOLD): string {
  const shown = redactProperty(key, sliceWhole(text, 0, MAX_MASKED), redact);
  return oneLine(masked(typeof shown === "string" ? shown : MASK), maxCodePoints);
}

/** What is to go anyway goes first: it may stand in the midst of a telling word. */
function masked(text: string): string {
  return maskText(oneLine(sliceWhole(text, 0, MAX_MASKED), MAX_MASKED));
}

function ownSummary(text: unknown): string {
  if (typeof text === "string") return masked(text);
  // An async one answers too late, but its rejection must not go unhandled.
  Promise.resolve(text).catch(() => {});
  return "";
}
