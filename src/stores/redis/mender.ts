import { MEND } from "./lua/mend.ts";
import type { Server } from "./server.ts";

/**
 * Brings back what an index has lost, since a full server has evicted it: looks through the keys, some of each shard at
 * a time, now and then. Once something was found it goes on until it has been everywhere.
 */
export class Mender {
  readonly #server: Server;
  readonly #cursors = new Map<number, string>();
  readonly #suspected = new Set<number>();
  #nextAt = 0;

  constructor(server: Server) {
    this.#server = server;
    server.onDamage(() => this.#suspectAll());
  }

  /** Whether something was mended, so that it is worth to look for it. Nothing is done where that was just asked. */
  async look(): Promise<boolean> {
    if (this.#suspected.size === 0 && performance.now() < this.#nextAt) return false;
    this.#nextAt = performance.now() + PAUSE_MS;
    let isMended = false;
    for (let looks = 1; looks === 1 || (this.#suspected.size > 0 && looks <= MOST_LOOKS); looks += 1) {
      // Whoever has found nothing is not to fail for that.
      const lookInto = (shard: number) => this.#lookInto(shard).catch(() => false);
      const found = await Promise.all(this.#server.shards.map(lookInto));
      isMended ||= found.includes(true);
    }
    return isMended;
  }

  async #lookInto(shard: number): Promise<boolean> {
    const from = this.#cursors.get(shard) ?? FIRST;
    const [cursor, mended] = await this.#server.run<[string, string]>(MEND, shard, from, AT_MOST);
    this.#cursors.set(shard, cursor);
    if (mended !== "0") this.#suspectAll();
    else if (cursor === FIRST) this.#suspected.delete(shard);
    return mended !== "0";
  }

  #suspectAll(): void {
    for (const shard of this.#server.shards) this.#suspected.add(shard);
  }
}

const FIRST = "0";
/** Keys that one script looks at, about. */
const AT_MOST = "500";
/** Scripts for each shard in one go. */
const MOST_LOOKS = 20;
/** Milliseconds between two looks. */
const PAUSE_MS = 1_000;
