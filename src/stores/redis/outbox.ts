import type { FollowUpMode } from "../../core/model/follow-up.ts";
import type {
  ClaimFilter,
  ClaimKey,
  Held,
  Hold,
  Prolonged,
  SessionClaim,
  SessionHint,
  SessionKey,
  Settlement,
  Settlements,
  TurnBy,
} from "../../core/model/session-claim.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import { CLAIM } from "./lua/claim.ts";
import { EXTEND, HOLD } from "./lua/hold.ts";
import type { Script } from "./lua/script.ts";
import { SETTLE } from "./lua/settle.ts";
import { PROLONG, RESET_TURNS, STOP_TURN } from "./lua/turn.ts";
import type { Mender } from "./mender.ts";
import { listed, nameOf, nameOfSession, numeral, sessionNamed } from "./names.ts";
import { NextSession, wanted } from "./next-session.ts";
import { PLAIN_WEIGHT, parsed } from "./records.ts";
import type { Server } from "./server.ts";
import { wholeRecords } from "./whole-records.ts";

/** Sessions and their follow-ups: which are due, and who has claimed or holds which. */
export class Outbox {
  readonly #server: Server;
  readonly #newToken: () => string;
  readonly #finished: (shard: number) => void;
  readonly #mender: Mender;
  readonly #next: NextSession;

  /** `finished` is told of the shard in which a follow-up was settled. */
  constructor(server: Server, mender: Mender, newToken: () => string, finished: (shard: number) => void) {
    this.#server = server;
    this.#mender = mender;
    this.#newToken = newToken;
    this.#finished = finished;
    this.#next = new NextSession(server);
  }

  async claim(claimant: string, leaseMs: number, filter: ClaimFilter): Promise<SessionClaim | undefined> {
    const token = this.#tokenOf(claimant);
    const claimSession = (session: string) => this.#claimSession(session, token, leaseMs, filter);
    if (filter.session !== undefined) return claimSession(nameOfSession(filter.session));
    const claimed = await this.#next.claim(filter, claimSession);
    return claimed ?? ((await this.#mender.look()) ? this.#next.claim(filter, claimSession) : undefined);
  }

  async hold(
    claimant: string,
    leaseMs: number,
    { userId, sessionId }: SessionKey,
    { by, take, maxHolds, waitMs }: Hold,
  ): Promise<SessionClaim | Held> {
    const session = { userId, sessionId };
    const token = this.#tokenOf(claimant);
    const who = [nameOfSession(session), token, nameOf(claimant)];
    const terms = [numeral(leaseMs), by, take ? "1" : "", numeral(maxHolds), numeral(waitMs)];
    const answer = await this.#write<HoldAnswer>(HOLD, session, ...who, ...terms);
    if (answer === undefined) throw new Error("Redis answered nothing where it had to.");
    const [heldBy, number, turns, texts = []] = answer;
    if (heldBy !== "") return { heldBy };
    const tasks = await this.#whole(session, texts);
    return { token, ...session, number: Number(number), tasks, turns: Number(turns) };
  }

  async extend(
    { token, ...session }: ClaimKey,
    modes: readonly FollowUpMode[],
    maxHolds: number,
  ): Promise<TaskRecord[] | undefined> {
    const args = [nameOfSession(session), token, ...listed(modes), numeral(maxHolds)];
    const [texts] = (await this.#write<[string[]]>(EXTEND, session, ...args)) ?? [];
    return texts && this.#whole(session, texts);
  }

  async prolong({ token, ...session }: ClaimKey, leaseMs: number): Promise<Prolonged | undefined> {
    const args = [nameOfSession(session), token, numeral(leaseMs)];
    const shard = this.#server.shardOf(session.userId);
    const answer = await this.#server.run<[stop: string | null] | null>(PROLONG, shard, ...args);
    return answer === null ? undefined : { stop: reasonIn(answer[0]) };
  }

  async settle(
    { token, ...session }: ClaimKey,
    outcome: Settlements,
    keep: boolean,
  ): Promise<TaskRecord[] | undefined> {
    const terms = [String(PLAIN_WEIGHT), keep ? "1" : "", hintOf(session, "free")];
    const args = [nameOfSession(session), token, ...terms, ...listed(outcomes(outcome))];
    const [texts] = (await this.#write<[string[]]>(SETTLE, session, ...args)) ?? [];
    this.#finished(this.#server.shardOf(session.userId));
    return texts && this.#whole(session, texts);
  }

  async stopTurn(session: SessionKey, reason: string, only: TurnBy | null): Promise<boolean> {
    const args = [nameOfSession(session), JSON.stringify(reason), only ?? "", hintOf(session, "stop")];
    return (await this.#write(STOP_TURN, session, ...args)) !== undefined;
  }

  async resetTurns(session: SessionKey): Promise<void> {
    await this.#server.run(RESET_TURNS, this.#server.shardOf(session.userId), nameOfSession(session));
  }

  async #claimSession(
    name: string,
    token: string,
    leaseMs: number,
    filter: ClaimFilter,
  ): Promise<SessionClaim | undefined> {
    const session = sessionNamed(name);
    const countsTurn = filter.maxTurns === undefined ? "" : "1";
    const isAskedFor = filter.session === undefined || filter.onlyDue ? "" : "1";
    const args = [name, token, numeral(leaseMs), isAskedFor, ...wanted(filter), countsTurn];
    const answer = await this.#write<ClaimAnswer>(CLAIM, session, ...args);
    if (answer === undefined) return undefined;
    const [number, turns, texts] = answer;
    const tasks = await this.#whole(session, texts);
    const claim = { token, ...session, number: Number(number), tasks, turns: Number(turns) };
    if (tasks.length > 0) return claim;
    // Where none is whole the session is free again, and is looked at once more.
    await this.settle(claim, {}, false);
    return undefined;
  }

  #tokenOf(claimant: string): string {
    return `${claimant}:${this.#newToken()}`;
  }

  #write<Answer extends unknown[]>(script: Script, { userId }: SessionKey, ...args: string[]) {
    return this.#server.write<Answer>(script, this.#server.shardOf(userId), ...args);
  }

  #whole({ userId }: SessionKey, texts: readonly string[]): Promise<TaskRecord[]> {
    return wholeRecords(this.#server, this.#server.shardOf(userId), texts);
  }
}

type ClaimAnswer = [number: string, turns: string, texts: string[]];
type HoldAnswer = [heldBy: "" | TurnBy | null, number?: string, turns?: string, texts?: string[]];

/** What is told of a session. */
function hintOf({ userId, sessionId }: SessionKey, turn: SessionHint["turn"]): string {
  return JSON.stringify({ userId, sessionId, turn });
}

/** Why a turn is asked to stop. What cannot be read stops nobody. */
function reasonIn(json: string | null): string | null {
  const reason = json === null ? null : parsed(json);
  return typeof reason === "string" ? reason : null;
}

/** By task: its name, what to do, and the delay or the reason. */
function outcomes(outcome: Settlements): string[] {
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
