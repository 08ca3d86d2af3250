import { nanoid } from "nanoid";
import type { ClaimFilter, SessionClaim, SessionKey, Settlement } from "../../core/model/session-claim.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import { WAKING } from "../shared/follow-ups.ts";
import type { AfterWrite, Written } from "./after-write.ts";
import type { Database } from "./database.ts";
import { toKey, toSessionKey, toText } from "./keys.ts";
import type { QueryValue } from "./pool.ts";
import { call, statement, type Values } from "./statement.ts";

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
    const named = session ? keyOf(session) : { user: null, session: null };
    const values = { ...named, token: toKey(token), leaseMs, modes: modes.join(), minAgeMs, maxTurns };
    const claimed = await this.#database.askAll(session && onlyDue ? CLAIM_DUE : CLAIM, values);
    const tasks = claimed.map((task) => this.#after.written(task, 0));
    const [first] = tasks;
    if (first === undefined) return undefined;
    const { userId, sessionId } = first;
    return { token, userId, sessionId, tasks, turns: claimed[0]?.turns ?? 0 };
  }

  async prolong({ token }: SessionClaim, leaseMs: number): Promise<boolean> {
    return (await this.#database.ask(PROLONG, { token: toKey(token), leaseMs })).length > 0;
  }

  async settle(
    { token }: SessionClaim,
    outcome: Record<string, Settlement>,
  ): Promise<TaskRecord[] | undefined> {
    const settlements = Object.entries(outcome).map(([id, settlement]) => settlementRow(id, settlement));
    const values = { token: toKey(token), settlements: JSON.stringify(settlements) };
    const [claim, ...settled] = await this.#database.askAll(SETTLE, values);
    return claim && settled.map((written) => this.#after.settled(written));
  }

  async resetTurns(session: SessionKey): Promise<void> {
    await this.#database.ask(RESET_TURNS, keyOf(session));
  }
}

type ClaimedTask = Written & { turns: number };

type ClaimValue = "token" | "leaseMs" | "user" | "session" | "modes" | "minAgeMs" | "maxTurns";

/** Of the session that is named all that is pending is claimed; of any, where it is null, what is due or deferred. */
const CLAIM = call<ClaimValue, ClaimedTask>(
  "claim_session(:token, :leaseMs, :user, :session, string_to_array(:modes, ','), :minAgeMs, :maxTurns)",
);

/** Of the session that is named, what is due or deferred. */
const CLAIM_DUE = call<ClaimValue, ClaimedTask>(
  "claim_due(:token, :leaseMs, :user, :session, string_to_array(:modes, ','), :minAgeMs, :maxTurns)",
);

/** A row if the claim was not over. */
const PROLONG = statement<"token" | "leaseMs", object>(
  ({ claims, now }) => `UPDATE ${claims} SET ends_at = ${now} + :leaseMs
    WHERE token = :token AND ends_at > ${now} RETURNING true`,
);

/** The claim, and then what was written of each follow-up; `settlements` are a list as JSON. */
const SETTLE = call<"token" | "settlements", Written>("settle_claim(:token, :settlements)");

const RESET_TURNS = statement<"user" | "session">(
  ({ schema }) => `SELECT FROM ${schema}.reset_turns(:user, :session)`,
);

function keyOf({ userId, sessionId }: SessionKey): Values<"user" | "session"> {
  return { user: toKey(userId), session: toSessionKey(sessionId) };
}

function settlementRow(id: string, settlement: Settlement): Record<string, QueryValue> {
  const { type } = settlement;
  if ("delayMs" in settlement) return { id: toKey(id), type, delay: settlement.delayMs };
  if (settlement.type === "drop") return { id: toKey(id), type, reason: toText(settlement.reason) };
  return { id: toKey(id), type };
}
