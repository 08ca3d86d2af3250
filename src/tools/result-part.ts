import { type CompletedResult, isNothing } from "../core/model/result.ts";
import type { TruncatedResult } from "../core/model/task.ts";
import { firstPaths } from "../core/values/names.ts";
import { sliceWhole } from "../core/values/text.ts";

/** A stretch of a result's text: of the text itself if the tool returned one, else of its JSON. */
export interface CompletedPart {
  status: "completed";
  text: string;
  /** Give this as `offset` to read on; `null`: this is the end. */
  next_offset: number | null;
  /** Characters that are kept. */
  total_chars: number;
  /** Only if the result was too large to be kept whole: its size in bytes before it was cut. */
  truncated_bytes?: number;
  /** `truncated_bytes` is the least that it can have had: it was not looked at to its end. */
  truncated_at_least?: true;
  /** Where that cut is: the offset before which the text's beginning stands, and from which its end does. */
  gap_at?: number;
  /** Of what JSON could not carry: the first paths (JSON Pointers), if there are any. */
  lossy?: string[];
  /** What the model should know about this part. */
  note?: string;
}

/**
 * At most `limit` UTF-16 code units from `offset` on, one more where a surrogate pair would be parted. A part
 * never runs across the gap of a cut result: nobody could see it there.
 *
 * @param result what `tasks.result` answers for `{ offset: 0 }`: texts, whole.
 */
export function completedPart(result: CompletedResult, offset: number, limit: number): CompletedPart {
  if (isNothing(result)) return { ...NOTHING };
  const { head, tail } = textsOf(result);
  const kept = head + tail;
  const edge = offset < head.length ? head.length : kept.length;
  const end = Math.min(offset + limit, edge);
  const read = sliceWhole(kept, 0, end).length;
  const part: CompletedPart = {
    status: "completed",
    text: sliceWhole(kept, offset, end),
    next_offset: read < kept.length ? read : null,
    total_chars: kept.length,
  };
  if (result.lossy.length > 0) part.lossy = firstPaths(result.lossy);
  if (offset > 0 && offset >= kept.length) part.note = "offset is past the end. Read from 0.";
  return result.truncated === null ? part : withGap(part, result.truncated, head.length);
}

const NOTHING: CompletedPart = {
  status: "completed",
  text: "",
  next_offset: null,
  total_chars: 0,
  note: "The tool returned nothing.",
};

function textsOf(result: CompletedResult): { head: string; tail: string } {
  if (result.truncated !== null) return result.value;
  return { head: String(result.value), tail: "" };
}

function withGap(part: CompletedPart, { bytes, atLeast }: TruncatedResult, gapAt: number): CompletedPart {
  const gap =
    `The result had ${atLeast ? "at least " : ""}${bytes} bytes, too many to keep: its middle is missing. ` +
    `The text up to offset ${gapAt} is its beginning, from there on its end.`;
  const note = part.note === undefined ? gap : `${part.note} ${gap}`;
  const atLeastToo = atLeast && { truncated_at_least: atLeast };
  return { ...part, truncated_bytes: bytes, ...atLeastToo, gap_at: gapAt, note };
}
