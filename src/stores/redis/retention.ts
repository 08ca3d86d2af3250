import type { RetentionLimits, Sweep } from "../../core/model/store.ts";
import { SWEEP } from "./lua/sweep.ts";
import type { Mender } from "./mender.ts";
import { numeral } from "./names.ts";
import { PLAIN_WEIGHT } from "./records.ts";
import type { Server } from "./server.ts";
import { wholeRecords } from "./whole-records.ts";

/**
 * Lets go of what has been kept long enough. A sweep looks where this store has ended tasks since the last
 * one, everywhere if the limits are new, and into one shard more in turn, for what others have left and for
 * what time alone makes too old.
 */
export class Retention {
  readonly #server: Server;
  readonly #mender: Mender;
  readonly #unswept = new Set<number>();
  #limits: string[] = [];
  #turn: number;

  constructor(server: Server, mender: Mender) {
    this.#server = server;
    this.#mender = mender;
    // Not all processes begin with the same one.
    this.#turn = Math.floor(Math.random() * server.shards.length);
  }

  /** Something has ended in a shard. */
  finished(shard: number): void {
    this.#unswept.add(shard);
  }

  async sweep(limits: RetentionLimits, limit: number): Promise<Sweep> {
    this.#noteLimits(limits);
    await this.#mender.look();
    this.#turn = (this.#turn + 1) % this.#server.shards.length;
    this.#unswept.add(this.#turn);
    const sweep: Sweep = { expired: [], evicted: 0, more: false };
    for (const shard of [...this.#unswept]) {
      await this.#sweepShard(shard, sweep, limit);
    }
    return sweep;
  }

  async #sweepShard(shard: number, sweep: Sweep, limit: number): Promise<void> {
    for (let isMore = true; isMore; ) {
      const left = limit - sweep.expired.length - sweep.evicted;
      if (left <= 0) {
        sweep.more = true;
        return;
      }
      // Whatever ends there from now on is for the next sweep.
      this.#unswept.delete(shard);
      isMore = await this.#step(shard, sweep, Math.min(left, AT_MOST));
    }
  }

  /** Returns whether there is more to do in this shard. */
  async #step(shard: number, sweep: Sweep, limit: number): Promise<boolean> {
    try {
      const args = [numeral(limit), String(PLAIN_WEIGHT), ...this.#limits];
      const answer = await this.#server.write<[string, string, string[]]>(SWEEP, shard, ...args);
      const [isMore = "", evicted = "0", expired = []] = answer ?? [];
      sweep.evicted += Number(evicted);
      sweep.expired.push(...(await wholeRecords(this.#server, shard, expired)));
      if (isMore === "1") this.#unswept.add(shard);
      return isMore === "1";
    } catch (error) {
      this.#unswept.add(shard);
      throw error;
    }
  }

  /** New limits concern every shard. */
  #noteLimits({ finishedPerUser, finishedTtlMs, followUpTtlMs, followUpsPerUser }: RetentionLimits): void {
    const limits = [finishedPerUser, finishedTtlMs, followUpTtlMs, followUpsPerUser].map((limit) =>
      numeral(limit ?? Number.POSITIVE_INFINITY),
    );
    if (limits.join() !== this.#limits.join()) for (const shard of this.#server.shards) this.finished(shard);
    this.#limits = limits;
  }
}

/** Tasks touched in one go: no script keeps the server for long. */
const AT_MOST = 100;
