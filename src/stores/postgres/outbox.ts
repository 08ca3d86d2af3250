import { nanoid } from "nanoid";
import type { FollowUpMode } from "../../core/model/follow-up.ts";
import type {
  ClaimFilter,
  ClaimKey,
  Held,
  Hold,
  Prolonged,
  SessionClaim,
  SessionKey,
  Settlement,
  Settlements,
  TurnBy,
} from "../../core/model/session-claim.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import { WAKING } from "../shared/follow-ups.ts";
import type { AfterWrite, Written } from "./after-write.ts";
import type { Database } from "./database.ts";
import type { Hints } from "./hints.ts";
import { fromKey, fromSessionKey, fromText, toKey, toSessionKey, toText } from "./keys.ts";
import type { QueryValue } from "./pool.ts";
import { call, statement, type Values } from "./statement.ts";

/** Sessions and their follow-ups: who has claimed or holds which. */
export class Outbox {
  readonly #database: Database;
  readonly #after: AfterWrite;
  readonly #hints: Hints;

  constructor(database: Database, after: AfterWrite, hints: Hints) {
    this.#database = database;
    this.#after = after;
    this.#hints = hints;
  }

  async claim(claimant: string, leaseMs: number, filter: ClaimFilter): Promise<SessionClaim | undefined> {
    const { session, onlyDue = false, modes = WAKING, minAgeMs = 0, maxTurns = null } = filter;
    const token = newToken(claimant);
    const named = session ? keyOf(session) : { user: null, session: null };
    const values = { ...named, token: toKey(token), leaseMs, modes: modes.join(), minAgeMs, maxTurns };
    const claimed = await this.#database.askAll(session && onlyDue ? CLAIM_DUE : CLAIM, values);
    const [first] = claimed;
    if (first === undefined) return undefined;
    const { task, turns, number } = first;
    const key = { token, userId: fromKey(task.user_id), sessionId: fromSessionKey(task.session) };
    const tasks = await this.#after.taken(claimed);
    if (tasks.length > 0) return { ...key, number, tasks, turns };
    // All of it was damaged, and is set aside by now.
    await this.settle(key, {}, false);
    return this.claim(claimant, leaseMs, filter);
  }

  async hold(
    claimant: string,
    leaseMs: number,
    session: SessionKey,
    terms: Hold,
  ): Promise<SessionClaim | Held> {
    const token = newToken(claimant);
    const { by, take, maxHolds, waitMs } = terms;
    const asked = { token: toKey(token), leaseMs, by, take, maxHolds, claimant: toKey(claimant), waitMs };
    const [turn, ...taken] = await this.#database.askAll(HOLD, { ...keyOf(session), ...asked });
    if (turn === undefined) throw new Error("PostgreSQL has answered nothing.");
    if ("heldBy" in turn) return turn;
    const { userId, sessionId } = session;
    const { number, turns } = turn as Turn;
    const tasks = await this.#after.taken(taken as Written[]);
    return { token, userId, sessionId, number, tasks, turns };
  }

  async extend(
    { token }: ClaimKey,
    modes: readonly FollowUpMode[],
    maxHolds: number,
  ): Promise<TaskRecord[] | undefined> {
    const values = { token: toKey(token), modes: modes.join(), maxHolds };
    const [claim, ...taken] = await this.#database.askAll(EXTEND, values);
    return claim && this.#after.taken(taken);
  }

  async prolong({ token }: ClaimKey, leaseMs: number): Promise<Prolonged | undefined> {
    const [claim] = await this.#database.ask(PROLONG, { token: toKey(token), leaseMs });
    return claim && { stop: claim.stop === null ? null : fromText(claim.stop) };
  }

  async settle(claim: ClaimKey, outcome: Settlements, keep: boolean): Promise<TaskRecord[] | undefined> {
    const settlements = Object.entries(outcome).map(([id, settlement]) => settlementRow(id, settlement));
    const values = { token: toKey(claim.token), settlements: JSON.stringify(settlements), keep };
    const [ended, ...settled] = await this.#database.askAll(SETTLE, values);
    if (ended === undefined) return undefined;
    const records = await this.#after.settled(settled as Written[]);
    const { awaited, watched } = ended as EndedClaim;
    if (awaited) this.#hints.tellTurn(claim, "free", watched);
    return records;
  }

  async stopTurn(session: SessionKey, reason: string, only: TurnBy | null): Promise<boolean> {
    const values = { ...keyOf(session), reason: toText(reason), only };
    const turn = await this.#database.askOne(STOP_TURN, values);
    if (turn === undefined) return false;
    this.#hints.tellTurn(session, "stop", turn.watched);
    return true;
  }

  async resetTurns(session: SessionKey): Promise<void> {
    await this.#database.ask(RESET_TURNS, keyOf(session));
  }
}

interface Turn {
  turns: number;
  number: number;
}

/** A claim of which something was settled. */
interface EndedClaim {
  /** It is over, and somebody waits for the session. */
  awaited: boolean;
  /** There are others to tell. */
  watched: boolean;
}

type ClaimValue = "token" | "leaseMs" | "user" | "session" | "modes" | "minAgeMs" | "maxTurns";

/** Of the session that is named all that is pending is claimed; of any, where it is null, what is due or deferred. */
const CLAIM = call<ClaimValue, Written & Turn>(
  "claim_session(:token, :leaseMs, :user, :session, string_to_array(:modes, ','), :minAgeMs, :maxTurns)",
);

/** Of the session that is named, what is due or deferred. */
const CLAIM_DUE = call<ClaimValue, Written & Turn>(
  "claim_due(:token, :leaseMs, :user, :session, string_to_array(:modes, ','), :minAgeMs, :maxTurns)",
);

type HoldValue =
  | "token"
  | "leaseMs"
  | "user"
  | "session"
  | "by"
  | "take"
  | "maxHolds"
  | "claimant"
  | "waitMs";

/** Who has the session; or the turn that has begun, and then what was taken. */
const HOLD = call<HoldValue, Held | Turn | Written>(
  "hold_session(:token, :leaseMs, :user, :session, :by, :take, :maxHolds, :claimant, :waitMs)",
);

/** Something for the claim if it was not over, and then what was taken. */
const EXTEND = call<"token" | "modes" | "maxHolds", Written>(
  "extend_claim(:token, string_to_array(:modes, ','), :maxHolds)",
);

/** A row if the claim was not over. */
const PROLONG = statement<"token" | "leaseMs", { stop: string | null }>(
  ({ claims, now }) => `UPDATE ${claims} SET ends_at = ${now} + :leaseMs
    WHERE token = :token AND ends_at > ${now} RETURNING stop`,
);

/** The claim, and then what was written of each follow-up; `settlements` are a list as JSON. */
const SETTLE = call<"token" | "settlements" | "keep", EndedClaim | Written>(
  "settle_claim(:token, :settlements, :keep)",
);

const STOP_TURN = call<"user" | "session" | "reason" | "only", { watched: boolean }>(
  "stop_turn(:user, :session, :reason, :only)",
);

const RESET_TURNS = statement<"user" | "session">(
  ({ schema }) => `SELECT FROM ${schema}.reset_turns(:user, :session)`,
);

function newToken(claimant: string): string {
  return `${claimant}:${nanoid()}`;
}

function keyOf({ userId, sessionId }: SessionKey): Values<"user" | "session"> {
  return { user: toKey(userId), session: toSessionKey(sessionId) };
}

function settlementRow(id: string, settlement: Settlement): Record<string, QueryValue> {
  const { type } = settlement;
  if ("delayMs" in settlement) return { id: toKey(id), type, delay: settlement.delayMs };
  if (settlement.type === "drop") return { id: toKey(id), type, reason: toText(settlement.reason) };
  return { id: toKey(id), type };
}
