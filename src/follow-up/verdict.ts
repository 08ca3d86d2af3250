import type { Settlement } from "../core/model/session-claim.ts";
import type { FollowUp } from "./follow-up.ts";
import type { TurnOutcome } from "./turns/turn-run.ts";

/** What becomes of each follow-up of a turn. Those that come again come together. `busyMs`: for how long its session was. */
export function verdictOf(
  outcome: TurnOutcome,
  followUps: readonly FollowUp[],
  terms: VerdictTerms & { readonly spendsAttempts: boolean },
  busyMs: number,
): (followUp: FollowUp) => Settlement {
  switch (outcome.type) {
    case "delivered":
      return () => ({ type: "acknowledge" });
    case "gone":
      return () => ({ type: "drop", reason: "session_gone" });
    case "busy": {
      const delayMs = busyWait(busyMs, terms);
      return () => ({ type: "defer", delayMs });
    }
    case "failed": {
      const delayMs = backoff(followUps, terms);
      return (followUp) => failed(followUp, terms.spendsAttempts ? terms.maxAttempts : Infinity, delayMs);
    }
    case "stopped":
      return () => ({ type: "defer", delayMs: outcome.delayMs });
    default:
      return () => ({ type: "defer", delayMs: 0 });
  }
}

/** Tried and failed: to be tried again after `delayMs`, unless that was the last attempt. */
export function failed({ attempt }: FollowUp, maxAttempts: number, delayMs: number): Settlement {
  return attempt >= maxAttempts ? { type: "drop", reason: "exhausted" } : { type: "release", delayMs };
}

export interface VerdictTerms {
  readonly maxAttempts: number;
  readonly retryMs: number;
  readonly maxRetryMs: number;
  readonly busyRetryMs: number;
}

const MOST_BUSY_WAITS = 10;
/** Whoever is asked again at once, and again, leaves nobody else the time to do anything. */
const LEAST_WAIT_MS = 1;
/** More would be beyond any number of milliseconds that one waits. */
const MOST_DOUBLINGS = 40;

/** Twice as long each time, less up to half of it at random: sessions that failed together do not come back together. */
function backoff(followUps: readonly FollowUp[], { retryMs, maxRetryMs }: VerdictTerms): number {
  const attempts = Math.max(1, ...followUps.map(({ attempt }) => attempt));
  const full = Math.min(maxRetryMs, retryMs * 2 ** Math.min(attempts - 1, MOST_DOUBLINGS));
  return Math.max(LEAST_WAIT_MS, Math.round(full * (0.5 + Math.random() / 2)));
}

/** A tenth of the time it took already: a long turn is asked about less and less often. */
function busyWait(busyMs: number, { busyRetryMs }: VerdictTerms): number {
  const wait = Math.min(MOST_BUSY_WAITS * busyRetryMs, Math.max(busyRetryMs, busyMs / 10));
  return Math.max(LEAST_WAIT_MS, Math.round(wait));
}
