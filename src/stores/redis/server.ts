import type { RedisLike } from "./client.ts";
import type { Hints } from "./hints.ts";
import type { Script } from "./lua/script.ts";
import { shardOf } from "./names.ts";
import type { RedisStoreTerms } from "./options.ts";

/** Runs scripts, each in the shard where its keys are. What they answer is taken for what it is said to be. */
export class Server {
  readonly shards: readonly number[];
  readonly #client: RedisLike;
  readonly #prefix: string;
  readonly #hints: Hints;
  #isClosed = false;

  constructor({ client, prefix, shards }: RedisStoreTerms, hints: Hints) {
    this.#client = client;
    this.#prefix = prefix;
    this.#hints = hints;
    this.shards = Array.from({ length: shards }, (_, shard) => shard);
  }

  shardOf(userId: string): number {
    return shardOf(userId, this.shards.length);
  }

  async run<Answer>(script: Script, shard: number, ...args: string[]): Promise<Answer> {
    if (this.#isClosed) throw new Error("The store is closed.");
    const key = `{${this.#prefix}:${shard}}`;
    try {
      return (await this.#client.evalsha(script.sha, 1, key, ...args)) as Answer;
    } catch (error) {
      // It was not run: the server has not seen it yet, or has forgotten it.
      if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
      return (await this.#client.eval(script.lua, 1, key, ...args)) as Answer;
    }
  }

  /** Runs a script that writes: its answer comes with hints, or is `undefined` if nothing was written. */
  async write<Answer extends unknown[]>(
    script: Script,
    shard: number,
    ...args: string[]
  ): Promise<Answer | undefined> {
    const { channel } = this.#hints;
    const answer = await this.run<[string[], ...Answer] | null>(
      script,
      shard,
      this.#hints.nextWriter(),
      channel,
      ...args,
    );
    if (answer === null) return undefined;
    const [hints, ...rest] = answer;
    this.#hints.tell(hints);
    return rest;
  }

  close(): void {
    this.#isClosed = true;
  }
}
