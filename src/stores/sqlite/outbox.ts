import type { FollowUpMode } from "../../core/model/follow-up.ts";
import type { ClaimFilter, SessionClaim, SessionKey, Settlement } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import { acknowledges, settleFollowUp, WAKING } from "../shared/follow-ups.ts";
import type { Connection } from "./connection.ts";
import { ENTRY, type Entry, type EntryRow, type KeptRow, toEntry, toRecord } from "./entry.ts";
import { type SessionTable, type StoredSession, storedSession } from "./session-table.ts";
import type { TaskTable } from "./task-table.ts";
import { encodeText } from "./text.ts";

/** Follow-ups on their way: which are due, and which session is claimed by whom. */
export class Outbox {
  readonly #connection: Connection;
  readonly #table: TaskTable;
  readonly #sessions: SessionTable;
  readonly #now: () => number;

  constructor(connection: Connection, table: TaskTable, sessions: SessionTable, now: () => number) {
    this.#connection = connection;
    this.#table = table;
    this.#sessions = sessions;
    this.#now = now;
  }

  claim(claimant: string, leaseMs: number, filter: ClaimFilter): SessionClaim | undefined {
    this.#sessions.endLapsed(this.#now());
    const session = this.#find(filter);
    if (session === undefined) return undefined;
    const stored = storedSession(session);
    const { turns } = this.#sessions.state(stored);
    const isAsked = filter.session !== undefined && !filter.onlyDue;
    const entries = this.#entries(isAsked ? PENDING : TO_COME, stored);
    const token = `${claimant}:${crypto.randomUUID()}`;
    const leaseEndsAt = this.#now() + leaseMs;
    this.#sessions.claim(stored, encodeText(token), leaseEndsAt, filter.maxTurns !== undefined);
    return { token, ...session, tasks: entries.map((entry) => this.#take(entry)), turns };
  }

  prolong({ token }: SessionClaim, leaseMs: number): boolean {
    const now = this.#now();
    return this.#sessions.prolong(encodeText(token), now + leaseMs, now);
  }

  settle({ token }: SessionClaim, outcome: Record<string, Settlement>): TaskRecord[] | undefined {
    const now = this.#now();
    const claimed = this.#sessions.claimed(encodeText(token), now);
    if (claimed === undefined) return undefined;
    // Whoever has dropped a follow-up in the meantime has settled it.
    const entries = this.#entries(CLAIMED, claimed).filter(
      ({ record }) => record.followUp.status === "claimed",
    );
    const settled = entries.map((entry) => this.#settle(entry, outcome, now));
    if (claimed.countsTurn === 1 && acknowledges(outcome)) this.#sessions.countTurn(claimed, now);
    this.#sessions.free(claimed, now);
    return settled;
  }

  resetTurns(session: SessionKey): void {
    this.#sessions.resetTurns(storedSession(session));
  }

  /** The session of the oldest follow-up that gives reason to claim: if that one is too young, all are. */
  #find(filter: ClaimFilter): SessionKey | undefined {
    const oldest = filter.session ? this.#oldestIn(filter.session, filter) : this.#oldestReady(filter);
    const { minAgeMs = 0 } = filter;
    if (oldest === undefined || this.#ageOf(oldest) < minAgeMs) return undefined;
    return { userId: oldest.userId, sessionId: oldest.sessionId };
  }

  /** It may have ended by a clock that is ahead of this one. */
  #ageOf({ completedAt }: TaskRecord): number {
    return Math.max(0, this.#now() - (completedAt ?? 0));
  }

  #oldestIn(session: SessionKey, filter: ClaimFilter): TaskRecord | undefined {
    const { modes = WAKING, maxTurns, onlyDue = false } = filter;
    if (onlyDue) this.#connection.run(WAKE, this.#now());
    const stored = storedSession(session);
    const { turns, isClaimed } = this.#sessions.state(stored);
    if (isClaimed || turns >= (maxTurns ?? Number.POSITIVE_INFINITY)) return undefined;
    const sql = onlyDue ? OLDEST_DUE_IN_SESSION : OLDEST_IN_SESSION;
    const row = this.#connection.get<KeptRow>(sql, stored.userId, stored.session, JSON.stringify(modes));
    return row && toRecord(row);
  }

  #oldestReady({ modes = WAKING, maxTurns }: ClaimFilter): TaskRecord | undefined {
    this.#connection.run(WAKE, this.#now());
    const oldest = modes.flatMap((mode) => [...this.#oldestOf(mode, maxTurns)]);
    const [first] = oldest.sort((one, other) => one.completedAt - other.completedAt);
    return first && toRecord(first);
  }

  /** There are as many as sessions differ in their turns: few. */
  *#oldestOf(mode: FollowUpMode, maxTurns = Number.POSITIVE_INFINITY): Generator<OldestRow> {
    const next = (turns: number) => this.#connection.get<OldestRow>(NEXT_OLDEST, mode, turns);
    for (let row = next(-1); row && row.turns < maxTurns; row = next(row.turns)) yield row;
  }

  #entries(sql: string, { userId, session }: StoredSession): Entry[] {
    return this.#connection.all<EntryRow>(sql, userId, session).map(toEntry);
  }

  #take(entry: Entry): TaskRecord {
    const { followUp } = entry.record;
    Object.assign(entry, { shelf: "claimed", ready: null, wakesAt: null });
    const patch = { followUp: { ...followUp, status: "claimed" as const, attempts: followUp.attempts + 1 } };
    return this.#table.change(entry, { patch, events: [] }, this.#now());
  }

  #settle(entry: Entry, outcome: Record<string, Settlement>, now: number): TaskRecord {
    const { id, followUp } = entry.record;
    const named = Object.hasOwn(outcome, id) ? outcome[id] : undefined;
    const settlement = named ?? { type: "defer", delayMs: 0 };
    if ("delayMs" in settlement) {
      const isDeferred = settlement.type === "defer" ? 1 : 0;
      this.#connection.run(DELAY, now + settlement.delayMs, isDeferred, entry.key);
    }
    return this.#table.change(entry, settleFollowUp(followUp, settlement, now), now);
  }
}

interface OldestRow extends KeptRow {
  turns: number;
  completedAt: number;
}

/** The oldest of the next list: those that are ready, of one mode, in sessions that have had so many turns. */
const NEXT_OLDEST = `SELECT turns, completedAt, kept FROM offload_tasks INDEXED BY offload_tasks_ready
  WHERE ready = 1 AND mode = ? AND turns > ? ORDER BY turns, completedAt LIMIT 1`;
const IN_SESSION = `FROM offload_tasks INDEXED BY offload_tasks_outstanding
  WHERE userId = ? AND session = ? AND mode IS NOT NULL`;
const BY_COMPLETION = "ORDER BY completedAt, id";
const OLDEST_IN_SESSION = `SELECT kept ${IN_SESSION}
  AND shelf = 'pending' AND mode IN (SELECT value FROM json_each(?)) ${BY_COMPLETION} LIMIT 1`;
const OLDEST_DUE_IN_SESSION = `SELECT kept ${IN_SESSION}
  AND shelf = 'pending' AND ready = 1 AND mode IN (SELECT value FROM json_each(?)) ${BY_COMPLETION} LIMIT 1`;
const PENDING = `SELECT ${ENTRY} ${IN_SESSION} AND shelf = 'pending' ${BY_COMPLETION}`;
const TO_COME = `SELECT ${ENTRY} ${IN_SESSION} AND shelf = 'pending' AND (ready = 1 OR isDeferred = 1)
  ${BY_COMPLETION}`;
const CLAIMED = `SELECT ${ENTRY} ${IN_SESSION} AND shelf = 'claimed' ${BY_COMPLETION}`;
const DELAY = "UPDATE offload_tasks SET dueAt = ?, isDeferred = ? WHERE key = ?";
const WAKE = "UPDATE offload_tasks SET ready = 1, wakesAt = NULL WHERE wakesAt <= ?";
