import type { FollowUpMode } from "../../core/model/follow-up.ts";
import type {
  ClaimFilter,
  ClaimKey,
  Held,
  Hold,
  Prolonged,
  SessionClaim,
  SessionKey,
  Settlements,
  TurnBy,
} from "../../core/model/session-claim.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import { acknowledges, claimFollowUp, modeOf, settleFollowUp, settlementOf } from "../shared/follow-ups.ts";
import type { Connection } from "./connection.ts";
import { ENTRY, type Entry, type EntryRow } from "./entry.ts";
import type { FileTime } from "./file-time.ts";
import type { Hints } from "./hints.ts";
import { ENDED_AT, INDEX, IS_DUE, OUTSTANDING_IN_SESSION, TASKS, TASKS_BY } from "./names.ts";
import { NextSession } from "./next-session.ts";
import { type Claimed, type SessionTable, type StoredSession, storedSession } from "./session-table.ts";
import { type Statement, statement } from "./statement.ts";
import type { TaskTable } from "./task-table.ts";
import { decodeText, encodeText } from "./text.ts";
import { Waits } from "./waits.ts";

/** Sessions and their follow-ups: who has claimed or holds which. Each method is to be called in a transaction. */
export class Outbox {
  readonly #connection: Connection;
  readonly #table: TaskTable;
  readonly #sessions: SessionTable;
  readonly #waits: Waits;
  readonly #next: NextSession;
  readonly #hints: Hints;
  readonly #time: FileTime;

  constructor(
    connection: Connection,
    table: TaskTable,
    sessions: SessionTable,
    hints: Hints,
    time: FileTime,
  ) {
    this.#connection = connection;
    this.#table = table;
    this.#sessions = sessions;
    this.#waits = new Waits(connection);
    this.#next = new NextSession(connection, sessions, time);
    this.#hints = hints;
    this.#time = time;
  }

  claim(claimant: string, leaseMs: number, filter: ClaimFilter): SessionClaim | undefined {
    this.#sessions.endLapsed(this.#time.now());
    const isAskedFor = filter.session !== undefined && !filter.onlyDue;
    const countsTurn = filter.maxTurns !== undefined;
    for (let found = this.#next.find(filter); found; found = this.#next.find(filter)) {
      const { key } = found;
      const entries = isAskedFor ? this.#pendingIn(found) : this.#dueIn(found);
      const reason = entries.find((entry) => entry.key === key);
      const turn = { by: "library", entries, countsTurn } as const;
      if (reason !== undefined) return this.#begin(claimant, leaseMs, reason.record, turn);
      // Who was found by it would be, again and again.
      this.#table.setAside(key, "it is not among those of its session");
    }
    return undefined;
  }

  hold(claimant: string, leaseMs: number, session: SessionKey, terms: Hold): SessionClaim | Held {
    const now = this.#time.now();
    this.#sessions.endLapsed(now);
    const stored = storedSession(session);
    const heldBy = this.#keptBy(stored, encodeText(claimant), now);
    this.#waits.wait(stored, encodeText(claimant), heldBy === undefined ? 0 : terms.waitMs, now);
    if (heldBy !== undefined) return { heldBy };
    const { by, take, maxHolds } = terms;
    if (by === "user") this.#sessions.resetTurns(stored);
    const entries = take ? this.#heldIn(stored, maxHolds) : [];
    return this.#begin(claimant, leaseMs, session, { by, entries, countsTurn: false });
  }

  extend({ token }: ClaimKey, modes: readonly FollowUpMode[], maxHolds: number): TaskRecord[] | undefined {
    const claimed = this.#sessions.claimed(encodeText(token), this.#time.now());
    if (claimed === undefined) return undefined;
    const by = claimed.heldBy;
    const entries = by === "library" ? this.#dueIn(claimed) : this.#heldIn(claimed, maxHolds);
    if (!entries.some(({ record }) => modes.includes(modeOf(record.followUp)))) return [];
    return entries.map((entry) => this.#take(entry, by));
  }

  prolong({ token }: ClaimKey, leaseMs: number): Prolonged | undefined {
    const now = this.#time.now();
    const lease = { leaseEndsAt: now + leaseMs, leaseMs };
    const prolonged = this.#sessions.prolong(encodeText(token), lease, now);
    return prolonged && { stop: prolonged.stop === null ? null : decodeText(prolonged.stop) };
  }

  settle(claim: ClaimKey, outcome: Settlements, keep: boolean): TaskRecord[] | undefined {
    const now = this.#time.now();
    const claimed = this.#sessions.claimed(encodeText(claim.token), now);
    if (claimed === undefined) return undefined;
    // Whoever has dropped a follow-up in the meantime has settled it.
    const entries = this.#claimedIn(claimed).filter(
      ({ record }) => record.followUp.status === "claimed" && (!keep || Object.hasOwn(outcome, record.id)),
    );
    const settled = entries.map((entry) => this.#settle(entry, claimed.heldBy, outcome, now));
    if (claimed.countsTurn === 1 && acknowledges(outcome)) this.#sessions.countTurn(claimed, now);
    if (!keep) this.#end(claim, claimed, now);
    return settled;
  }

  stopTurn(session: SessionKey, reason: string, only: TurnBy | null): boolean {
    const now = this.#time.now();
    const isAsked = this.#sessions.stop(storedSession(session), encodeText(reason), only, now);
    if (isAsked) this.#hints.tellTurn(session, "stop");
    return isAsked;
  }

  resetTurns(session: SessionKey): void {
    this.#sessions.resetTurns(storedSession(session));
  }

  /** Who has it; `null`: another has waited longer. */
  #keptBy(session: StoredSession, claimant: string, now: number): TurnBy | null | undefined {
    const first = this.#waits.first(session, now);
    const isFirst = first === undefined || first === claimant;
    return this.#sessions.heldBy(session) ?? (isFirst ? undefined : null);
  }

  #begin(claimant: string, leaseMs: number, session: SessionKey, turn: NewTurn): SessionClaim {
    const { by, entries, countsTurn } = turn;
    const { userId, sessionId } = session;
    const now = this.#time.now();
    const number = this.#sessions.nextNumber(now);
    const token = `${claimant}:${crypto.randomUUID()}`;
    const turns = this.#sessions.claim(storedSession(session), {
      token: encodeText(token),
      heldBy: by,
      countsTurn: countsTurn ? 1 : 0,
      leaseEndsAt: now + leaseMs,
      leaseMs,
    });
    const tasks = entries.map((entry) => this.#take(entry, by));
    return { token, userId, sessionId, number, tasks, turns };
  }

  #end({ userId, sessionId }: ClaimKey, claimed: Claimed, now: number): void {
    this.#sessions.endClaim(claimed, now);
    if (claimed.isAwaited === 1) this.#hints.tellTurn({ userId, sessionId }, "free");
  }

  #pendingIn({ userId, session }: StoredSession): Entry[] {
    return this.#table.all(PENDING, { userId, session });
  }

  #dueIn({ userId, session }: StoredSession): Entry[] {
    const names = { userId, session, now: this.#time.now() };
    return this.#table.all(DUE_OR_DEFERRED, names);
  }

  /** A hold takes what is delayed there too, but not what has made others fail. */
  #heldIn(session: StoredSession, maxHolds: number): Entry[] {
    return this.#pendingIn(session).filter(({ record }) => (record.followUp.holds ?? 0) < maxHolds);
  }

  #claimedIn({ userId, session }: StoredSession): Entry[] {
    return this.#table.all(CLAIMED, { userId, session });
  }

  #take(entry: Entry, by: TurnBy): TaskRecord {
    Object.assign(entry, { index: "claimed", isDue: null, delayedUntil: null });
    return this.#table.change(entry, claimFollowUp(entry.record.followUp, by));
  }

  #settle(entry: Entry, by: TurnBy, outcome: Settlements, now: number): TaskRecord {
    const { id, followUp } = entry.record;
    const settlement = settlementOf(outcome, id);
    if ("delayMs" in settlement) {
      const isDeferred = settlement.type === "defer" ? 1 : 0;
      const { delayMs } = settlement;
      this.#connection.run(DELAY, { dueAt: now + delayMs, delayMs, isDeferred, key: entry.key });
      // A claim that goes on may take it in again.
      entry.index = "pending";
    }
    return this.#table.change(entry, settleFollowUp(followUp, by, settlement, this.#time.wall()));
  }
}

interface NewTurn {
  by: TurnBy;
  entries: Entry[];
  countsTurn: boolean;
}

type EntriesInSession<Name extends string = never> = Statement<"userId" | "session" | Name, EntryRow>;

function inSession<Name extends string = never>(condition: string): EntriesInSession<Name> {
  return statement(`SELECT ${ENTRY} FROM ${TASKS_BY.outstanding}
    WHERE ${OUTSTANDING_IN_SESSION} AND ${condition} ORDER BY ${ENDED_AT}, id`);
}

/** What is pending in a session. */
const PENDING = inSession(`${INDEX} = 'pending'`);

/** What is due there, or was deferred and comes along. While the session is claimed nothing is filed as due. */
const DUE_OR_DEFERRED = inSession<"now">(
  `${INDEX} = 'pending' AND (${IS_DUE} = 1 OR dueAt <= :now OR isDeferred = 1)`,
);

/** What is claimed there. */
const CLAIMED = inSession(`${INDEX} = 'claimed'`);

const DELAY = statement<"dueAt" | "delayMs" | "isDeferred" | "key">(
  `UPDATE ${TASKS} SET dueAt = :dueAt, delayMs = :delayMs, isDeferred = :isDeferred WHERE key = :key`,
);
