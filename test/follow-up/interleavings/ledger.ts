import { type FollowUpMode, isOutstanding } from "../../../src/core/model/follow-up.ts";
import type {
  ClaimFilter,
  ClaimKey,
  SessionClaim,
  Settlement,
  Settlements,
} from "../../../src/core/model/session-claim.ts";
import type { RetentionLimits, TaskStore } from "../../../src/core/model/store.ts";
import type { TaskRecord } from "../../../src/core/model/task.ts";
import type { Clock } from "../../../src/core/time/clock.ts";
import type { Delivery, FollowUp } from "../../../src/follow-up/index.ts";
import { memoryStore } from "../../../src/index.ts";
import type { Host } from "./host.ts";
import { BEAT, MAX_ATTEMPTS, MAX_TURNS, WAKING } from "./terms.ts";

const UNNAMED: Settlement = { type: "defer", delayMs: 0 };

/** A claim as the store has given it, whoever has heard of it. */
export interface Hold {
  readonly by: Host;
  readonly claim: SessionClaim;
  readonly filter: ClaimFilter;
  readonly since: number;
  endsAt: number;
  outcome: Settlements | undefined;
  /** Whether it has counted its turn. */
  isCounted: boolean;
  turn: Turn | undefined;
  /** What was taken into its turn, and by whom. */
  readonly extended: TaskRecord[];
  readonly inner: Turn[];
}

/** A turn that was given follow-ups, by push or by pull. */
export interface Turn {
  readonly by: Host;
  readonly hold: Hold;
  readonly ids: readonly string[];
  /** Of a push. */
  readonly signal: AbortSignal | undefined;
  isPersisted: boolean;
  /** `late`: it had been broken off before. */
  ended: "ok" | "busy" | "gone" | "threw" | "late" | undefined;
}

type Given = Pick<Delivery, "scope" | "followUps" | "message">;

function nameOf({ userId, sessionId }: { userId: string; sessionId?: string | null | undefined }): string {
  return `${userId}/${sessionId ?? null}`;
}

/**
 * What is true: every call that has reached the store, in its order, and a naive account of what follows from
 * it. What the store or the library does against it is noted in `wrongs`: thrown, it would look like a
 * store that fails.
 */
export class Ledger {
  readonly wrongs: string[] = [];
  readonly holds: Hold[] = [];
  readonly turns: Turn[] = [];
  readonly records = new Map<string, TaskRecord>();
  /** Tasks whose end somebody has asked to be taken as read. */
  readonly observed = new Set<string>();
  readonly store: TaskStore;
  readonly #clock: Clock;
  /** Claims of a follow-up that were not given back. */
  readonly #attempts = new Map<string, number>();
  readonly #dueAt = new Map<string, number>();
  readonly #counted = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.store = memoryStore({ clock });
  }

  check(isRight: boolean, wrong: string): void {
    if (!isRight) this.wrongs.push(wrong);
  }

  attemptsOf(id: string): number {
    return this.#attempts.get(id) ?? 0;
  }

  isLive({ outcome, endsAt }: Hold): boolean {
    return outcome === undefined && endsAt > this.#clock.now();
  }

  outstanding(isIn: (record: TaskRecord) => boolean): TaskRecord[] {
    return [...this.records.values()].filter((record) => isOutstanding(record.followUp) && isIn(record));
  }

  isActive(turn: Turn): boolean {
    const isOver = turn.signal && (turn.signal.aborted || turn.ended !== undefined);
    return !isOver && turn.by.isAlive && this.isLive(turn.hold);
  }

  /** A turn begins for one of these reasons; `signal`: that of a push. */
  begin(by: Host, given: Given, modes: readonly FollowUpMode[], signal?: AbortSignal): Turn {
    const { scope, followUps, message } = given;
    const session = nameOf(scope);
    const hold = this.holds.find((one) => {
      const isOpen = one.by === by && one.turn === undefined && one.outcome === undefined;
      return isOpen && nameOf(one.claim) === session && followUps.every((followUp) => isOf(one, followUp));
    }) as Hold;
    const ids = followUps.map(({ id }) => id);
    const reasons = hold.claim.tasks.filter((task) => ids.includes(task.id) && isOneOf(modes, task));
    this.check(reasons.length > 0, `a turn of ${session} without reason: ${ids}`);
    const isTooMuch = followUps.some(({ attempt }) => attempt > MAX_ATTEMPTS);
    this.check(!isTooMuch, `a turn of ${session} after all attempts`);
    const isTold = ids.every((id) => message.text.includes(id));
    this.check(isTold, `a turn of ${session} is not told of each of ${ids}`);
    this.check(this.isLive(hold), `a turn of ${session} begins after its claim has lapsed`);
    for (const turn of this.turns) {
      const isOther = nameOf(turn.hold.claim) !== session || !this.isActive(turn);
      this.check(isOther, `two turns of ${session} at a time`);
      this.checkFenced(turn);
    }
    hold.turn = { by, hold, ids, signal, isPersisted: false, ended: undefined };
    this.turns.push(hold.turn);
    if (signal) this.#pushed(hold.turn, signal);
    return hold.turn;
  }

  /** Somebody has taken follow-ups into a turn that runs; `undefined`: into none. */
  beginWithin(by: Host, { scope, followUps }: Given): Turn | undefined {
    const ids = followUps.map(({ id }) => id);
    // The newest that has them: an older one may have lapsed, and nobody has been told yet.
    const hold = this.holds.findLast((one) => {
      const isOpen = one.by === by && one.outcome === undefined && nameOf(one.claim) === nameOf(scope);
      const taken = [...one.claim.tasks, ...one.extended];
      return isOpen && ids.every((id) => taken.some((task) => task.id === id));
    });
    if (hold?.turn === undefined) return undefined;
    const turn: Turn = { by, hold, ids, signal: undefined, isPersisted: false, ended: undefined };
    hold.inner.push(turn);
    return turn;
  }

  #pushed({ by }: Turn, signal: AbortSignal): void {
    // Sessions of which the host says that their turn is over come on top.
    const isOneOfAll = (turn: Turn) => turn.by === by && turn.signal && !turn.hold.filter.session;
    const running = this.turns.filter((turn) => isOneOfAll(turn) && this.isActive(turn));
    this.check(running.length <= by.concurrency, `${running.length} turns run at a time`);
    this.check(by.isStarted, "a turn begins after the stop");
    const { stops } = by;
    const aborted = () => this.check(!isStopped(signal) || by.stops > stops, "an earlier stop ends a turn");
    signal.addEventListener("abort", aborted);
  }

  /** Whoever cannot reach the store knows by the clock that a claim has lapsed, and breaks its turn off. */
  checkFenced({ by, ended, signal, hold }: Turn): void {
    const isOn = by.isAlive && signal?.aborted === false && ended === undefined && hold.outcome === undefined;
    const isOver = hold.endsAt <= this.#clock.now();
    this.check(!isOn || !isOver, `a turn of ${nameOf(hold.claim)} goes on after its claim has lapsed`);
  }

  /** The store as one host reaches it. */
  storeFor(by: Host): TaskStore {
    const { store } = this;
    const keep = <Answer>(answer: Answer): Answer => {
      for (const record of recordsIn(answer)) this.records.set(record.id, record);
      return answer;
    };
    return {
      ...store,
      insert: async (...given) => keep(await store.insert(...given)),
      admit: async (...given) => keep(await store.admit(...given)),
      transition: async (...given) => keep(await store.transition(...given)),
      sweep: async (limits, most) => {
        const before = this.outstanding(() => true);
        const answer = await store.sweep(limits, most);
        this.#swept(before, answer.expired, limits);
        keep(answer.expired);
        return answer;
      },
      claim: async (claimant, leaseMs, filter) => {
        const claim = await store.claim(claimant, leaseMs, filter);
        if (claim) this.#claimed(by, claim, leaseMs, filter);
        keep(claim?.tasks);
        return claim;
      },
      prolong: async (claim, leaseMs) => {
        const hold = this.#holdOf(claim);
        const isLive = this.isLive(hold);
        const answer = await store.prolong(claim, leaseMs);
        this.check((answer !== undefined) === isLive, `prolong answered ${answer !== undefined}`);
        if (isLive) hold.endsAt = this.#clock.now() + leaseMs;
        return answer;
      },
      extend: async (claim, modes, maxHolds) => {
        const hold = this.#holdOf(claim);
        const answer = await store.extend(claim, modes, maxHolds);
        for (const task of answer ?? []) this.#tried(task, nameOf(claim));
        hold.extended.push(...(answer ?? []));
        return keep(answer);
      },
      settle: async (claim, outcome, isKept) => {
        const answer = await store.settle(claim, outcome, isKept);
        this.#settled(this.#holdOf(claim), outcome, answer, isKept);
        keep(answer);
        return answer;
      },
      resetTurns: async (session) => {
        await store.resetTurns(session);
        this.#counted.delete(nameOf(session));
      },
    };
  }

  #holdOf({ token }: ClaimKey): Hold {
    return this.holds.find(({ claim }) => claim.token === token) as Hold;
  }

  #claimed(by: Host, claim: SessionClaim, leaseMs: number, filter: ClaimFilter): void {
    const now = this.#clock.now();
    const session = nameOf(claim);
    const { maxTurns = Infinity } = filter;
    const counted = this.#counted.get(session) ?? 0;
    this.check(!this.#isHeld(session), `${session} is claimed twice`);
    this.check(!filter.session || nameOf(filter.session) === session, `${session} was not asked for`);
    this.check(counted < maxTurns, `${session} is claimed after ${counted} turns`);
    this.check(claim.turns === counted, `${session} has had ${counted} turns, not ${claim.turns}`);
    const hasReason = claim.tasks.some((task) => isOneOf(filter.modes ?? WAKING, task));
    this.check(hasReason, `${session} is claimed without reason`);
    const isAsked = filter.session !== undefined && !filter.onlyDue;
    for (const task of claim.tasks) {
      this.#tried(task, session);
      this.check(isAsked || this.#dueAtOf(task) <= now, `${task.id} is not due, and comes along`);
    }
    const isLeft = (record: TaskRecord) =>
      nameOf(record) === session && !claim.tasks.some(({ id }) => id === record.id);
    for (const task of this.outstanding(isLeft)) {
      this.check(!isAsked && this.#dueAtOf(task) > now, `${task.id} is due, and stays behind`);
    }
    const hold = { by, claim, filter, since: now, endsAt: now + leaseMs };
    this.holds.push({
      ...hold,
      outcome: undefined,
      turn: undefined,
      isCounted: false,
      extended: [],
      inner: [],
    });
  }

  #dueAtOf({ id }: TaskRecord): number {
    return this.#dueAt.get(id) ?? 0;
  }

  #isHeld(session: string): boolean {
    return this.holds.some((hold) => this.isLive(hold) && nameOf(hold.claim) === session);
  }

  #tried(task: TaskRecord, session: string): void {
    const before = this.records.get(task.id);
    const { status, attempts } = task.followUp;
    const tried = this.attemptsOf(task.id) + 1;
    this.#attempts.set(task.id, tried);
    this.check(nameOf(task) === session, `${task.id} is claimed with ${session}`);
    this.check(before !== undefined && isOutstanding(before.followUp), `${task.id} is claimed after its end`);
    const isRight = status === "claimed" && attempts === tried;
    this.check(isRight, `${task.id} is ${status}, ${attempts} of ${tried}`);
  }

  #settled(hold: Hold, outcome: Settlements, answer: TaskRecord[] | undefined, isKept = false): void {
    this.check((answer !== undefined) === this.isLive(hold), "a claim is settled that has lapsed, or is not");
    if (answer === undefined) return;
    if (!isKept) hold.outcome = outcome;
    for (const record of answer) this.#settledOne(hold, record, outcome[record.id]);
    const isTurn = Object.values(outcome).some(({ type }) => type === "acknowledge");
    if (!isTurn || hold.turn?.signal === undefined || hold.isCounted) return;
    hold.isCounted = true;
    const counted = (this.#counted.get(nameOf(hold.claim)) ?? 0) + 1;
    this.#counted.set(nameOf(hold.claim), counted);
    this.check(counted <= MAX_TURNS, `${nameOf(hold.claim)} has had ${counted} turns`);
  }

  #settledOne(
    { turn: outer, inner }: Hold,
    { id, followUp }: TaskRecord,
    settlement: Settlement = UNNAMED,
  ): void {
    const { type } = settlement;
    const turn = inner.find(({ ids }) => ids.includes(id)) ?? outer;
    const { reason } = followUp;
    const tried = this.attemptsOf(id);
    if (type === "defer") this.#attempts.set(id, tried - 1);
    // What was deferred comes along with whatever else of its session is claimed.
    this.#dueAt.set(id, type === "release" ? this.#clock.now() + settlement.delayMs : 0);
    const how = turn?.ids.includes(id) ? turn.ended : undefined;
    const wrong = `${id} is ${followUp.status} by ${type} after ${tried} attempts; its turn: ${how}`;
    this.check(type !== "acknowledge" || (how === "ok" && turn?.isPersisted === true), wrong);
    this.check(how !== "busy" || (type === "defer" && settlement.delayMs >= BEAT.busyRetryMs), wrong);
    this.check((how === "gone") === (reason === "session_gone"), wrong);
    // The last attempt is a turn; what was claimed more often still is told no more.
    const isLast = turn?.ids.includes(id) ? tried === MAX_ATTEMPTS : tried > MAX_ATTEMPTS;
    this.check(reason !== "exhausted" || isLast, wrong);
    this.check(type !== "release" || (tried < MAX_ATTEMPTS && !isStopped(turn?.signal)), wrong);
    const isSoon = type === "release" && settlement.delayMs < BEAT.retryMs / 2;
    this.check(!isSoon || turn?.signal === undefined, `${id} is tried again at once`);
    this.check(followUp.attempts === this.attemptsOf(id), `${wrong}; recorded: ${followUp.attempts}`);
  }

  #swept(before: TaskRecord[], expired: TaskRecord[], { followUpsPerUser }: RetentionLimits): void {
    for (const { id, userId } of expired) {
      const count = before.filter((record) => record.userId === userId).length;
      this.check(count > (followUpsPerUser ?? Infinity), `${id} expired as one of ${count}`);
    }
  }
}

function isOneOf(modes: readonly FollowUpMode[], { followUp }: TaskRecord): boolean {
  return modes.includes(followUp.mode ?? "silent");
}

function isStopped(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true && /stopped/.test(signal.reason.message);
}

function isOf({ claim }: Hold, { id, attempt, task }: FollowUp): boolean {
  const isSame = nameOf({ ...claim, sessionId: task.sessionId }) === nameOf(claim);
  return isSame && claim.tasks.some((one) => one.id === id && one.followUp.attempts === attempt);
}

function recordsIn(answer: unknown): TaskRecord[] {
  if (Array.isArray(answer)) return answer.flatMap(recordsIn);
  if (typeof answer !== "object" || answer === null) return [];
  if ("record" in answer) return [answer.record as TaskRecord];
  return "followUp" in answer ? [answer as TaskRecord] : [];
}
