import { TaskOffloadError } from "../../core/errors.ts";
import type { Damage } from "../../core/model/store.ts";
import { DamagedError } from "../shared/damage.ts";
import { type DamageListener, Listeners } from "../shared/listeners.ts";
import type { RedisLike } from "./client.ts";
import { readDamages, readRefusal } from "./damage.ts";
import type { Hints } from "./hints.ts";
import { LOOK } from "./lua/look.ts";
import { GET } from "./lua/reading.ts";
import { REPAIR } from "./lua/repair.ts";
import type { Script } from "./lua/script.ts";
import { OTHER_VERSION, VERSION } from "./lua/version.ts";
import { shardOf } from "./names.ts";
import type { RedisStoreTerms } from "./options.ts";

/**
 * Runs scripts, each in the shard where its keys are. What they return is taken for what it is said to be. Before the
 * first, all shards are asked for their versions, since some may be empty where another release has written, and whether
 * they do what scripts need, since half of one may be written where a command is refused. The first in
 * each shard looks once more, with nothing between that and its work.
 */
export class Server {
  readonly shards: readonly number[];
  readonly #client: RedisLike;
  readonly #prefix: string;
  readonly #hints: Hints;
  readonly #checked = new Set<number>();
  readonly #damaged = new Listeners<Damage>();
  #looked: Promise<void> | undefined;
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
    if (this.#checked.size === 0) await this.#lookOnce();
    try {
      return await this.#answer<Answer>(script, shard, args);
    } catch (error) {
      if (!isNamed(error, "WRONGTYPE")) throw error;
      await this.#repair(shard);
      return this.#answer<Answer>(script, shard, args);
    }
  }

  async #answer<Answer>(script: Script, shard: number, args: readonly string[]): Promise<Answer> {
    const version = this.#checked.has(shard) ? "" : VERSION;
    try {
      const [answer, damages, refused] = await this.#evaluate(script, shard, version, ...args);
      this.#checked.add(shard);
      for (const damage of readDamages(damages)) this.#damaged.tell(damage);
      if (refused !== "") throw new DamagedError(readRefusal(args[0] ?? "", refused));
      return answer as Answer;
    } catch (error) {
      if (!isNamed(error, OTHER_VERSION)) throw error;
      throw otherVersion(this.#prefix, error.message.slice(OTHER_VERSION.length).trim());
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

  /** Rejects as a read of this task does, which is damaged. */
  async refuse(shard: number, name: string): Promise<never> {
    await this.run(GET, shard, name, "");
    throw new Error(`${name} was not whole when it was read, and is now.`);
  }

  onDamage(listener: DamageListener): () => void {
    return this.#damaged.add(listener);
  }

  close(): void {
    this.#isClosed = true;
    this.#damaged.clear();
  }

  /** Sets aside what stands where an index should be: until its tasks are filed anew, that is as if it was evicted. */
  async #repair(shard: number): Promise<void> {
    let cursor = "0";
    do cursor = await this.#answer<string>(REPAIR, shard, [cursor, AT_MOST]);
    while (cursor !== "0");
  }

  /** For all that are called meanwhile; after a refusal, the next looks again. */
  #lookOnce(): Promise<void> {
    this.#looked ??= this.#look().catch((error) => {
      this.#looked = undefined;
      throw error;
    });
    return this.#looked;
  }

  /** A shard that cannot be asked now is left to its first call: with one node down, the others are of use. */
  async #look(): Promise<void> {
    const asked = this.shards.map((shard) => this.#evaluate(LOOK, shard, ""));
    for (const answered of await Promise.allSettled(asked)) {
      const found = answered.status === "fulfilled" ? (answered.value[0] as LookAnswer) : null;
      if (found === null) continue;
      const [name, refusal] = found;
      throw refusal === undefined ? otherVersion(this.#prefix, name) : refusedCommand(name, refusal);
    }
  }

  async #evaluate(script: Script, shard: number, ...args: string[]): Promise<Outcome> {
    const key = `{${this.#prefix}:${shard}}`;
    try {
      return (await this.#client.evalsha(script.sha, 1, key, ...args)) as Outcome;
    } catch (error) {
      // It was not run: the server has not seen it yet, or has forgotten it.
      if (!isNamed(error, "NOSCRIPT")) throw error;
      return (await this.#client.eval(script.lua, 1, key, ...args)) as Outcome;
    }
  }
}

/** Keys that one script looks at, about. */
const AT_MOST = "1000";

/** What every script returns. */
type Outcome = [answer: unknown, damages: string[], refused: string];

type LookAnswer = [version: string] | [command: string, refusal: string] | null;

/** Whether it is this error of the server: its name comes first. */
function isNamed(error: unknown, name: string): error is Error {
  return error instanceof Error && error.message.startsWith(name);
}

function otherVersion(prefix: string, version: string): TaskOffloadError {
  return new TaskOffloadError(
    "not_supported",
    `The Redis keys of the prefix ${JSON.stringify(prefix)} have version ${version}, and this release of ` +
      `tool-offload knows version ${VERSION}: use the one that has written them, or another prefix.`,
  );
}

function refusedCommand(command: string, reason: string): TaskOffloadError {
  return new TaskOffloadError(
    "store_failed",
    `Redis refuses ${command}, without which tasks would be written by halves: ${reason.trim()}`,
  );
}
