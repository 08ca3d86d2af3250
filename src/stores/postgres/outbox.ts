import { nanoid } from "nanoid";
import type { ClaimFilter, SessionClaim, SessionKey, Settlement } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import { WAKING } from "../shared/follow-ups.ts";
import type { Change, Changes } from "./changes.ts";
import type { Database } from "./database.ts";
import { toKey, toSessionKey, toText } from "./keys.ts";
import type { QueryValue } from "./pool.ts";

/** Follow-ups on their way: which session is leased to whom. */
export class Outbox {
  readonly #database: Database;
  readonly #changes: Changes;

  constructor(database: Database, changes: Changes) {
    this.#database = database;
    this.#changes = changes;
  }

  async claim(claimant: string, leaseMs: number, filter: ClaimFilter): Promise<SessionClaim | undefined> {
    const { session, onlyDue = false, modes = WAKING, minAgeMs = 0, maxTurns = null } = filter;
    const token = `${claimant}:${nanoid()}`;
    const [userKey, sessionKey] = session ? keyOf(session) : [null, null];
    const values = [toKey(token), leaseMs, userKey, sessionKey, modes.join(), minAgeMs, maxTurns];
    const claim = session && onlyDue ? "claim_due" : "claim_session";
    const text = `${claim}($1, $2, $3, $4, string_to_array($5, ','), $6, $7)`;
    const claimed = await this.#database.callAll<ClaimedTask>(text, values);
    const tasks = claimed.map((task) => this.#changes.written(task, 0));
    const [first] = tasks;
    if (first === undefined) return undefined;
    const { userId, sessionId } = first;
    return { token, userId, sessionId, tasks, turns: claimed[0]?.turns ?? 0 };
  }

  async prolong({ token }: SessionClaim, leaseMs: number): Promise<boolean> {
    const s = this.#database.schema;
    const text = `UPDATE ${s}.claims SET ends_at = ${s}.now_ms() + $2
      WHERE token = $1 AND ends_at > ${s}.now_ms() RETURNING true`;
    return (await this.#database.ask(text, [toKey(token), leaseMs])).length > 0;
  }

  async settle(
    { token }: SessionClaim,
    outcome: Record<string, Settlement>,
  ): Promise<TaskRecord[] | undefined> {
    const settlements = Object.entries(outcome).map(([id, settlement]) => settlementRow(id, settlement));
    const values = [toKey(token), JSON.stringify(settlements)];
    const [claim, ...settled] = await this.#database.callAll<Change>("settle_claim($1, $2)", values);
    return claim && settled.map((change) => this.#changes.settled(change));
  }

  async resetTurns(session: SessionKey): Promise<void> {
    await this.#database.ask(`SELECT FROM ${this.#database.schema}.reset_turns($1, $2)`, keyOf(session));
  }
}

type ClaimedTask = Change & { turns: number };

function keyOf({ userId, sessionId }: SessionKey): [user: string, session: string] {
  return [toKey(userId), toSessionKey(sessionId)];
}

function settlementRow(id: string, settlement: Settlement): Record<string, QueryValue> {
  const { type } = settlement;
  if ("delayMs" in settlement) return { id: toKey(id), type, delay: settlement.delayMs };
  if (settlement.type === "drop") return { id: toKey(id), type, reason: toText(settlement.reason) };
  return { id: toKey(id), type };
}
