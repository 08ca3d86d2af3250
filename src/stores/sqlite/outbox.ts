import type { ClaimFilter, SessionClaim, SessionKey, Settlement } from "../../core/model/session-claim.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import { acknowledges, claimFollowUp, settleFollowUp, settlementOf } from "../shared/follow-ups.ts";
import type { Connection } from "./connection.ts";
import { ENTRY, type Entry, type EntryRow, toEntry } from "./entry.ts";
import type { FileTime } from "./file-time.ts";
import { ENDED_AT, INDEX, IS_DUE, OUTSTANDING_IN_SESSION, TASKS, TASKS_BY } from "./names.ts";
import { NextSession } from "./next-session.ts";
import { type SessionTable, type StoredSession, storedSession } from "./session-table.ts";
import { type Statement, statement } from "./statement.ts";
import type { TaskTable } from "./task-table.ts";
import { encodeText } from "./text.ts";

/** Follow-ups on their way: which session is claimed by whom. Each method is to be called in a transaction. */
export class Outbox {
  readonly #connection: Connection;
  readonly #table: TaskTable;
  readonly #sessions: SessionTable;
  readonly #next: NextSession;
  readonly #time: FileTime;

  constructor(connection: Connection, table: TaskTable, sessions: SessionTable, time: FileTime) {
    this.#connection = connection;
    this.#table = table;
    this.#sessions = sessions;
    this.#next = new NextSession(connection, sessions, time);
    this.#time = time;
  }

  claim(claimant: string, leaseMs: number, filter: ClaimFilter): SessionClaim | undefined {
    this.#sessions.endLapsed(this.#time.now());
    const session = this.#next.find(filter);
    if (session === undefined) return undefined;
    const stored = storedSession(session);
    const { turns } = this.#sessions.state(stored);
    const isAskedFor = filter.session !== undefined && !filter.onlyDue;
    const entries = this.#entries(isAskedFor ? PENDING : DUE_OR_DEFERRED, stored);
    const token = `${claimant}:${crypto.randomUUID()}`;
    const lease = { leaseEndsAt: this.#time.now() + leaseMs, leaseMs };
    this.#sessions.claim(stored, encodeText(token), lease, filter.maxTurns !== undefined);
    return { token, ...session, tasks: entries.map((entry) => this.#claimFollowUp(entry)), turns };
  }

  prolong({ token }: SessionClaim, leaseMs: number): boolean {
    const now = this.#time.now();
    return this.#sessions.prolong(encodeText(token), { leaseEndsAt: now + leaseMs, leaseMs }, now);
  }

  settle({ token }: SessionClaim, outcome: Record<string, Settlement>): TaskRecord[] | undefined {
    const now = this.#time.now();
    const claimed = this.#sessions.claimed(encodeText(token), now);
    if (claimed === undefined) return undefined;
    // Whoever has dropped a follow-up in the meantime has settled it.
    const entries = this.#entries(CLAIMED, claimed).filter(
      ({ record }) => record.followUp.status === "claimed",
    );
    const settled = entries.map((entry) => this.#settle(entry, outcome, now));
    if (claimed.countsTurn === 1 && acknowledges(outcome)) this.#sessions.countTurn(claimed, now);
    this.#sessions.endClaim(claimed, now);
    return settled;
  }

  resetTurns(session: SessionKey): void {
    this.#sessions.resetTurns(storedSession(session));
  }

  #entries(entries: EntriesInSession, { userId, session }: StoredSession): Entry[] {
    return this.#connection.all(entries, { userId, session }).map(toEntry);
  }

  #claimFollowUp(entry: Entry): TaskRecord {
    Object.assign(entry, { index: "claimed", isDue: null, delayedUntil: null });
    return this.#table.change(entry, claimFollowUp(entry.record.followUp));
  }

  #settle(entry: Entry, outcome: Record<string, Settlement>, now: number): TaskRecord {
    const { id, followUp } = entry.record;
    const settlement = settlementOf(outcome, id);
    if ("delayMs" in settlement) {
      const isDeferred = settlement.type === "defer" ? 1 : 0;
      const { delayMs } = settlement;
      this.#connection.run(DELAY, { dueAt: now + delayMs, delayMs, isDeferred, key: entry.key });
    }
    return this.#table.change(entry, settleFollowUp(followUp, settlement, this.#time.wall()));
  }
}

type EntriesInSession = Statement<"userId" | "session", EntryRow>;

function inSession(condition: string): EntriesInSession {
  return statement(`SELECT ${ENTRY} FROM ${TASKS_BY.outstanding}
    WHERE ${OUTSTANDING_IN_SESSION} AND ${condition} ORDER BY ${ENDED_AT}, id`);
}

/** What is pending in a session. */
const PENDING = inSession(`${INDEX} = 'pending'`);

/** What is due there, or was deferred and comes along. */
const DUE_OR_DEFERRED = inSession(`${INDEX} = 'pending' AND (${IS_DUE} = 1 OR isDeferred = 1)`);

/** What is claimed there. */
const CLAIMED = inSession(`${INDEX} = 'claimed'`);

const DELAY = statement<"dueAt" | "delayMs" | "isDeferred" | "key">(
  `UPDATE ${TASKS} SET dueAt = :dueAt, delayMs = :delayMs, isDeferred = :isDeferred WHERE key = :key`,
);
