import type { ClaimFilter, SessionClaim } from "../../core/model/session-claim.ts";
import { WAKING } from "../shared/follow-ups.ts";
import { NEXT_SESSION } from "./lua/next-session.ts";
import { listed, numeral } from "./names.ts";
import type { Server } from "./server.ts";

/** Finds the session whose follow-up has been due for longest. */
export class NextSession {
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
  }

  /** Looks into all shards at once. While others are faster, it looks again there: none is passed over. */
  async claim(filter: ClaimFilter, claimSession: ClaimSession): Promise<SessionClaim | undefined> {
    const found = await Promise.all(this.#server.shards.map((shard) => this.#nextIn(shard, filter)));
    for (;;) {
      const oldest = oldestOf(found);
      if (oldest === undefined) return undefined;
      const { shard, session } = oldest;
      const claimed = await claimSession(session);
      if (claimed !== undefined) return claimed;
      found[shard] = await this.#nextIn(shard, filter);
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
}

/** What is claimed of a session, as scripts take it. */
export function wanted({
  modes = WAKING,
  minAgeMs = 0,
  maxTurns = Number.POSITIVE_INFINITY,
}: ClaimFilter): string[] {
  return [...listed(modes), numeral(minAgeMs), numeral(maxTurns)];
}

/** Claims a session by its name; `undefined`: somebody was faster. */
type ClaimSession = (session: string) => Promise<SessionClaim | undefined>;

/** A session to be claimed, and the end of its oldest follow-up that gives reason to. */
interface DueSession {
  shard: number;
  session: string;
  since: number;
}

function oldestOf(found: readonly (DueSession | undefined)[]): DueSession | undefined {
  return found.reduce((oldest, other) => {
    if (oldest === undefined || other === undefined) return oldest ?? other;
    return other.since < oldest.since ? other : oldest;
  }, undefined);
}
