import type { FollowUpMode } from "../core/model/follow-up.ts";
import type { SessionClaim, Settlement } from "../core/model/session-claim.ts";
import { type TaskRecord, toTaskInfo } from "../core/model/task.ts";
import type { Queries } from "../core/reading/queries.ts";
import type { FollowUp } from "./follow-up.ts";

/** What a claim holds for the agent. */
export interface Reading {
  /** Empty where nothing is left that gave reason to claim. */
  readonly followUps: readonly FollowUp[];
  /** What becomes of those that nobody is told of now. */
  readonly rest: Readonly<Record<string, Settlement>>;
  /** Why a result could not be read. */
  readonly failure: unknown;
}

/** Reads the results of a claim that was made for follow-ups of these modes. */
export async function readClaim(
  claim: SessionClaim,
  modes: readonly FollowUpMode[],
  maxAttempts: number,
  queries: Queries,
): Promise<Reading> {
  const read = await Promise.all(claim.tasks.map((record) => readOne(record, maxAttempts, queries)));
  const told = read.filter((one) => "task" in one);
  const untold = read.filter((one) => "settlement" in one);
  const isReason = ({ followUp }: TaskRecord) => modes.includes(followUp.mode ?? "silent");
  const reasons = new Set(claim.tasks.filter(isReason).map(({ id }) => id));
  return {
    followUps: told.some(({ id }) => reasons.has(id)) ? told : [],
    rest: Object.fromEntries(untold.map(({ id, settlement }) => [id, settlement])),
    failure: untold.find(({ failure }) => failure !== undefined)?.failure,
  };
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
    const result = await queries.resultOf(record);
    if (result === undefined) return { id, settlement: EXHAUSTED };
    return { id, task: toTaskInfo(record), result, attempt: attempts, word };
  } catch (failure) {
    return { id, settlement: { type: "defer", delayMs: REREAD_MS }, failure };
  }
}
