import { nanoid } from "nanoid";
import type { ClaimFilter, SessionClaim, SessionKey, Settlement } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import { WAKING } from "../shared/follow-ups.ts";
import type { AfterWrite, Written } from "./after-write.ts";
import type { Database } from "./database.ts";
import { toKey, toSessionKey, toText } from "./keys.ts";
import type { Names } from "./names.ts";
import type { QueryValue } from "./pool.ts";

/** Follow-ups on their way: which session is claimed by whom. */
export class Outbox {
  readonly #database: Database;
  readonly #after: AfterWrite;

  constructor(database: Database, after: AfterWrite) {
    this.#database = database;
    this.#after = after;
  }

  async claim(claimant: string, leaseMs: number, filter: ClaimFilter): Promise<SessionClaim | undefined> {
    const { session, onlyDue = false, modes = WAKING, minAgeMs = 0, maxTurns = null } = filter;
    const token = `${claimant}:${nanoid()}`;
    const [userKey, sessionKey] = session ? keyOf(session) : [null, null];
    const values = [toKey(token), leaseMs, userKey, sessionKey, modes.join(), minAgeMs, maxTurns];
    const call = session && onlyDue ? CLAIM_DUE : CLAIM;
    const claimed = await this.#database.callAll<ClaimedTask>(call, values);
    const tasks = claimed.map((task) => this.#after.written(task, 0));
    const [first] = tasks;
    if (first === undefined) return undefined;
    const { userId, sessionId } = first;
    return { token, userId, sessionId, tasks, turns: claimed[0]?.turns ?? 0 };
  }

  async prolong({ token }: SessionClaim, leaseMs: number): Promise<boolean> {
    const values = [toKey(token), leaseMs];
    return (await this.#database.ask(PROLONG(this.#database.names), values)).length > 0;
  }

  async settle(
    { token }: SessionClaim,
    outcome: Record<string, Settlement>,
  ): Promise<TaskRecord[] | undefined> {
    const settlements = Object.entries(outcome).map(([id, settlement]) => settlementRow(id, settlement));
    const values = [toKey(token), JSON.stringify(settlements)];
    const [claim, ...settled] = await this.#database.callAll<Written>(SETTLE, values);
    return claim && settled.map((written) => this.#after.settled(written));
  }

  async resetTurns(session: SessionKey): Promise<void> {
    await this.#database.run(RESET_TURNS, keyOf(session));
  }
}

type ClaimedTask = Written & { turns: number };

/**
 * $1 token, $2 length of the claim, $3 user and $4 session or nulls, $5 modes, $6 age, $7 limit of turns or null.
 * Returns each {@link ClaimedTask}. Of the session that is named all that is pending is claimed; of any, what is due
 * or deferred.
 */
const CLAIM = "claim_session($1, $2, $3, $4, string_to_array($5, ','), $6, $7)";

/** The same, of the session that is named, for what is due or deferred. */
const CLAIM_DUE = "claim_due($1, $2, $3, $4, string_to_array($5, ','), $6, $7)";

/** $1 token, $2 length of the claim. Returns a row if it had not lapsed. */
const PROLONG = ({ claims, now }: Names) =>
  `UPDATE ${claims} SET ends_at = ${now} + $2 WHERE token = $1 AND ends_at > ${now} RETURNING true`;

/** $1 token, $2 a list of settlements as JSON. Returns the claim, and what was {@link Written} of each follow-up. */
const SETTLE = "settle_claim($1, $2)";

/** $1 user, $2 session. */
const RESET_TURNS = "reset_turns($1, $2)";

function keyOf({ userId, sessionId }: SessionKey): [user: string, session: string] {
  return [toKey(userId), toSessionKey(sessionId)];
}

function settlementRow(id: string, settlement: Settlement): Record<string, QueryValue> {
  const { type } = settlement;
  if ("delayMs" in settlement) return { id: toKey(id), type, delay: settlement.delayMs };
  if (settlement.type === "drop") return { id: toKey(id), type, reason: toText(settlement.reason) };
  return { id: toKey(id), type };
}
