import type { ClaimFilter, SessionClaim, SessionKey, Settlement } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import { acknowledges, settleFollowUp } from "../shared/follow-ups.ts";
import type { Connection } from "./connection.ts";
import { ENTRY, type Entry, type EntryRow, toEntry } from "./entry.ts";
import type { FileTime } from "./file-time.ts";
import { ENDED_AT, INDEX, IS_DUE, OUTSTANDING_IN_SESSION, TASKS, TASKS_BY } from "./names.ts";
import { NextSession } from "./next-session.ts";
import { type SessionTable, type StoredSession, storedSession } from "./session-table.ts";
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
    const isAsked = filter.session !== undefined && !filter.onlyDue;
    const entries = this.#entries(isAsked ? PENDING : DUE_OR_DEFERRED, stored);
    const token = `${claimant}:${crypto.randomUUID()}`;
    const lease = { endsAt: this.#time.now() + leaseMs, leaseMs };
    this.#sessions.claim(stored, encodeText(token), lease, filter.maxTurns !== undefined);
    return { token, ...session, tasks: entries.map((entry) => this.#take(entry)), turns };
  }

  prolong({ token }: SessionClaim, leaseMs: number): boolean {
    const now = this.#time.now();
    return this.#sessions.prolong(encodeText(token), { endsAt: now + leaseMs, leaseMs }, now);
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
    this.#sessions.free(claimed, now);
    return settled;
  }

  resetTurns(session: SessionKey): void {
    this.#sessions.resetTurns(storedSession(session));
  }

  #entries(sql: string, { userId, session }: StoredSession): Entry[] {
    return this.#connection.all<EntryRow>(sql, userId, session).map(toEntry);
  }

  #take(entry: Entry): TaskRecord {
    const { followUp } = entry.record;
    Object.assign(entry, { index: "claimed", isDue: null, delayedUntil: null });
    const patch = { followUp: { ...followUp, status: "claimed" as const, attempts: followUp.attempts + 1 } };
    return this.#table.change(entry, { patch, events: [] });
  }

  #settle(entry: Entry, outcome: Record<string, Settlement>, now: number): TaskRecord {
    const { id, followUp } = entry.record;
    const named = Object.hasOwn(outcome, id) ? outcome[id] : undefined;
    const settlement = named ?? { type: "defer", delayMs: 0 };
    if ("delayMs" in settlement) {
      const isDeferred = settlement.type === "defer" ? 1 : 0;
      const { delayMs } = settlement;
      this.#connection.run(DELAY, now + delayMs, delayMs, isDeferred, entry.key);
    }
    return this.#table.change(entry, settleFollowUp(followUp, settlement, this.#time.wall()));
  }
}

const IN_SESSION = `SELECT ${ENTRY} FROM ${TASKS_BY.outstanding} WHERE ${OUTSTANDING_IN_SESSION}`;
const IN_ORDER = `ORDER BY ${ENDED_AT}, id`;

/** ? user, ? session. Returns each {@link EntryRow} that is pending there. */
const PENDING = `${IN_SESSION} AND ${INDEX} = 'pending' ${IN_ORDER}`;

/** ? user, ? session. Returns each {@link EntryRow} that is due there, or was deferred and comes along. */
const DUE_OR_DEFERRED = `${IN_SESSION} AND ${INDEX} = 'pending' AND (${IS_DUE} = 1 OR isDeferred = 1) ${IN_ORDER}`;

/** ? user, ? session. Returns each {@link EntryRow} that is claimed there. */
const CLAIMED = `${IN_SESSION} AND ${INDEX} = 'claimed' ${IN_ORDER}`;

/** ? when it is due, ? in how many milliseconds that was, ? whether it was deferred, ? key. */
const DELAY = `UPDATE ${TASKS} SET dueAt = ?, delayMs = ?, isDeferred = ? WHERE key = ?`;
