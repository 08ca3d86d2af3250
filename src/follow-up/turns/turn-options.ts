import { either, limit, oneOf, signal } from "../../core/values/kinds.ts";
import { option, readArgument, type Settings, type Table } from "../../core/values/options.ts";

/** How a turn is begun. */
export interface TurnOptions {
  /** A user's counts the automatic turns from 0 again; a host's, that of a cron job, say, does not. @default "user" */
  by?: "user" | "host" | undefined;
  /**
   * Where the session has a turn: wait for its end, fail with `busy`, or ask it to stop if it is an automatic one, and
   * wait. @default "wait"
   */
  whenBusy?: "wait" | "refuse" | "preempt" | undefined;
  /** Milliseconds to wait at most; then it fails with `busy`. @default 60_000 */
  maxWaitMs?: number | undefined;
  /** Takes a waiting caller out of the line. Once the turn has begun it ends nothing. */
  signal?: AbortSignal | undefined;
  /**
   * What waits in the session is handed over; "none": nothing is, for a turn that goes on with a tool call which waits
   * for its result. @default "all"
   */
  take?: "all" | "none" | undefined;
  /**
   * A store that fails need not silence a chat: the turn runs, alone in this process, with nothing handed over, and the
   * event `turn.unguarded` tells. Or it fails with `store_failed`. @default "run" for a user's turn, else "refuse"
   */
  whenStoreFails?: "run" | "refuse" | undefined;
}

const TURN = {
  by: option(either("user", "host"), "user"),
  whenBusy: option(oneOf("wait", "refuse", "preempt"), "wait"),
  maxWaitMs: option(limit(0), 60_000),
  signal: option(signal),
  take: option(either("all", "none"), "all"),
  whenStoreFails: option(either("run", "refuse")),
} satisfies Table<TurnOptions>;

export type TurnTerms = Settings<typeof TURN>;

/** Every default filled in. @throws `invalid_input` */
export function turnTerms(options: TurnOptions = {}): TurnTerms {
  return readArgument(TURN, options);
}
