import type { ClaimFilter, SessionClaim, SessionKey, Settlement } from "../../core/model/session-claim.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import { WAKING } from "../shared/follow-ups.ts";
import { CLAIM, PROLONG } from "./lua/claim.ts";
import { NEXT_SESSION } from "./lua/next-session.ts";
import { RESET_TURNS, SETTLE } from "./lua/settle.ts";
import type { Mender } from "./mender.ts";
import { listed, nameOf, nameOfSession, numeral } from "./names.ts";
import { PLAIN_WEIGHT } from "./records.ts";
import type { Server } from "./server.ts";
import { wholeRecords } from "./whole-records.ts";

/** Follow-ups on their way: which are due, and who has claimed which session. */
export class Outbox {
  readonly #server: Server;
  readonly #newToken: () => string;
  readonly #finished: (shard: number) => void;
  readonly #mender: Mender;

  /** `finished` is told of the shard in which a follow-up was settled. */
  constructor(server: Server, mender: Mender, newToken: () => string, finished: (shard: number) => void) {
    this.#server = server;
    this.#mender = mender;
    this.#newToken = newToken;
    this.#finished = finished;
  }

  async claim(claimant: string, leaseMs: number, filter: ClaimFilter): Promise<SessionClaim | undefined> {
    const claim = { token: `${claimant}:${this.#newToken()}`, leaseMs, filter };
    const { session } = filter;
    if (session === undefined) {
      const claimed = await this.#claimOldest(claim);
      return claimed ?? ((await this.#mender.look()) ? this.#claimOldest(claim) : undefined);
    }
    return this.#claimSession(this.#server.shardOf(session.userId), nameOfSession(session), claim);
  }

  async prolong({ token, ...session }: SessionClaim, leaseMs: number): Promise<boolean> {
    const args = [nameOfSession(session), token, numeral(leaseMs)];
    return (await this.#server.run(PROLONG, this.#server.shardOf(session.userId), ...args)) === "1";
  }

  async settle(
    { token, ...session }: SessionClaim,
    outcome: Record<string, Settlement>,
  ): Promise<TaskRecord[] | undefined> {
    const shard = this.#server.shardOf(session.userId);
    const args = [nameOfSession(session), token, String(PLAIN_WEIGHT), ...listed(outcomes(outcome))];
    const [texts] = (await this.#server.write<[string[]]>(SETTLE, shard, ...args)) ?? [];
    this.#finished(shard);
    return texts && wholeRecords(this.#server, shard, texts);
  }

  async resetTurns(session: SessionKey): Promise<void> {
    await this.#server.run(RESET_TURNS, this.#server.shardOf(session.userId), nameOfSession(session));
  }

  /**
   * Looks into all shards at once, and claims where a follow-up has been due for longest. While others are faster, it
   * looks again there: none is passed over.
   */
  async #claimOldest(claim: Claimant): Promise<SessionClaim | undefined> {
    const found = await Promise.all(this.#server.shards.map((shard) => this.#nextIn(shard, claim.filter)));
    for (;;) {
      const oldest = oldestOf(found);
      if (oldest === undefined) return undefined;
      const { shard, session } = oldest;
      const claimed = await this.#claimSession(shard, session, claim);
      if (claimed !== undefined) return claimed;
      found[shard] = await this.#nextIn(shard, claim.filter);
    }
  }

  async #nextIn(shard: number, filter: ClaimFilter): Promise<DueSession | undefined> {
    for (;;) {
      const answer = await this.#server.run<[string, string?, string?]>(
        NEXT_SESSION,
        shard,
        ...wanted(filter),
      );
      const [isMore, session, since] = answer;
      if (session !== undefined) return { shard, session, since: Number(since) };
      if (isMore === "") return undefined;
    }
  }

  async #claimSession(shard: number, session: string, claim: Claimant): Promise<SessionClaim | undefined> {
    const { token, leaseMs, filter } = claim;
    const countsTurn = filter.maxTurns === undefined ? "" : "1";
    const isAskedFor = filter.session === undefined || filter.onlyDue ? "" : "1";
    const args = [session, token, numeral(leaseMs), isAskedFor, ...wanted(filter), countsTurn];
    const answer = await this.#server.write<[string, string[]]>(CLAIM, shard, ...args);
    if (answer === undefined) return undefined;
    const [turns, texts] = answer;
    const tasks = await wholeRecords(this.#server, shard, texts);
    const [first] = tasks;
    // Where none is whole the session is free again, and is looked at once more.
    if (first === undefined) {
      await this.#server.write(SETTLE, shard, session, token, String(PLAIN_WEIGHT), ...listed([]));
      return undefined;
    }
    const { userId, sessionId } = first;
    return { token, userId, sessionId, tasks, turns: Number(turns) };
  }
}

/** A session to be claimed, and the end of its oldest follow-up that gives reason to. */
interface DueSession {
  shard: number;
  session: string;
  since: number;
}

interface Claimant {
  token: string;
  leaseMs: number;
  filter: ClaimFilter;
}

function oldestOf(found: readonly (DueSession | undefined)[]): DueSession | undefined {
  return found.reduce((oldest, other) => {
    if (oldest === undefined || other === undefined) return oldest ?? other;
    return other.since < oldest.since ? other : oldest;
  }, undefined);
}

function wanted({
  modes = WAKING,
  minAgeMs = 0,
  maxTurns = Number.POSITIVE_INFINITY,
}: ClaimFilter): string[] {
  return [...listed(modes), numeral(minAgeMs), numeral(maxTurns)];
}

/** By task: its name, what to do, and the delay or the reason. */
function outcomes(outcome: Record<string, Settlement>): string[] {
  return Object.entries(outcome).flatMap(([id, settlement]) => [
    nameOf(id),
    settlement.type,
    detailOf(settlement),
  ]);
}

function detailOf(settlement: Settlement): string {
  if (settlement.type === "acknowledge") return "";
  return settlement.type === "drop" ? JSON.stringify(settlement.reason ?? null) : numeral(settlement.delayMs);
}
