import type { FollowUpMode } from "../../core/model/follow-up.ts";
import type { Hold, SessionClaim } from "../../core/model/session-claim.ts";
import { finishNext, type Lab, LONG_MS } from "./lab.ts";

/** What turns ask of a store, in one session unless they say otherwise. */
export function holdingOf(lab: Lab) {
  const ask = (terms: Partial<Hold> = {}, leaseMs = LONG_MS, claimant = "me", session = ONE) =>
    lab.store.hold(claimant, leaseMs, session, { ...USER, ...terms });
  const hold = async (...terms: Parameters<typeof ask>): Promise<SessionClaim> => {
    const answer = await ask(...terms);
    if ("heldBy" in answer) throw new Error(`The session is held by ${answer.heldBy}.`);
    return answer;
  };
  const claim = (leaseMs = LONG_MS) => lab.store.claim("me", leaseMs, { maxTurns: 9 });
  const pending = (mode?: FollowUpMode, sessionId: string | null = "one") =>
    finishNext(lab, { sessionId }, mode);
  return { ask, hold, claim, pending };
}

export const ONE = { userId: "ada", sessionId: "one" as string | null };
const USER: Hold = { by: "user", take: true, maxHolds: 3, waitMs: 0 };
export const ALL_MODES: readonly FollowUpMode[] = ["when_idle", "interrupt", "silent"];
