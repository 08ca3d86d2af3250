import type { FollowUpMode } from "../core/model/follow-up.ts";
import type { Settlement } from "../core/model/session-claim.ts";
import { type TaskRecord, toTaskInfo } from "../core/model/task.ts";
import type { Queries } from "../core/reading/queries.ts";
import type { FollowUp } from "./follow-up.ts";

/** What some claimed records hold for the agent. */
export interface Reading {
  readonly followUps: readonly FollowUp[];
  /** What becomes of those that nobody is told of now. */
  readonly rest: Readonly<Record<string, Settlement>>;
  /** Why a result could not be read. */
  readonly failure: unknown;
}

/** Reads the results of what was claimed. */
export async function readClaimed(
  records: readonly TaskRecord[],
  maxAttempts: number,
  queries: Queries,
): Promise<Reading> {
  const read = await Promise.all(records.map((record) => readOne(record, maxAttempts, queries)));
  const untold = read.filter((one) => "settlement" in one);
  return {
    followUps: read.filter((one) => "task" in one),
    rest: Object.fromEntries(untold.map(({ id, settlement }) => [id, settlement])),
    failure: untold.find(({ failure }) => failure !== undefined)?.failure,
  };
}

/** Whether anything is left of what gave reason to claim: a follow-up of one of these modes. */
export function hasReason(
  { followUps }: Pick<Reading, "followUps">,
  records: readonly TaskRecord[],
  modes: readonly FollowUpMode[],
): boolean {
  const isReason = ({ followUp }: TaskRecord) => modes.includes(followUp.mode ?? "silent");
  const reasons = new Set(records.filter(isReason).map(({ id }) => id));
  return followUps.some(({ id }) => reasons.has(id));
}

interface Untold {
  id: string;
  settlement: Settlement;
  failure?: unknown;
}

/** Milliseconds after which a result that could not be read is tried again. Until then others have their turn. */
const REREAD_MS = 5_000;
const EXHAUSTED: Settlement = { type: "drop", reason: "exhausted" };

/** A follow-up of which nothing is left, since retention has taken its task, is none. */
async function readOne(
  record: TaskRecord,
  maxAttempts: number,
  queries: Queries,
): Promise<FollowUp | Untold> {
  const { id, word } = record;
  const { attempts } = record.followUp;
  if (attempts > maxAttempts) return { id, settlement: EXHAUSTED };
  try {
    const end = await queries.endOf(record);
    if (end === undefined) return { id, settlement: EXHAUSTED };
    // A turn of the user spends no attempt.
    return { id, task: toTaskInfo(record), ...end, attempt: Math.max(1, attempts), word };
  } catch (failure) {
    return { id, settlement: { type: "defer", delayMs: REREAD_MS }, failure };
  }
}
