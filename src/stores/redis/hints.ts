import { nanoid } from "nanoid";
import { parseHint } from "../shared/check-hint.ts";
import { type HintListener, HintListeners } from "../shared/listeners.ts";
import type { RedisLike, RedisSubscriberLike } from "./client.ts";

/**
 * Tells listeners of writes: of this store's own with their answers, so that none is missed, and of those of
 * others as Redis passes them on, through a connection that is there only while somebody listens.
 */
export class Hints {
  readonly channel: string;
  readonly #client: RedisLike;
  readonly #self = nanoid(10);
  readonly #listeners = new HintListeners();
  #calls = 0;
  #connection: RedisSubscriberLike | undefined;
  #isClosed = false;

  constructor(client: RedisLike, prefix: string) {
    this.#client = client;
    this.channel = `${prefix}:hints`;
  }

  /** Who makes the next call: known by it are its hints, and the call itself if it is sent twice. */
  nextWriter(): string {
    this.#calls += 1;
    return `${this.#self}.${this.#calls}`;
  }

  tell(hints: readonly string[]): void {
    if (this.#listeners.size === 0) return;
    for (const text of hints) {
      const hint = parseHint(text);
      if (hint !== undefined) this.#listeners.tell(hint);
    }
  }

  /** Returns how to stop listening. */
  watch(listener: HintListener, missed?: () => void): () => void {
    if (this.#isClosed) return () => {};
    const remove = this.#listeners.watch(listener, missed);
    this.#connection ??= this.#connect();
    return () => {
      if (remove()) this.#disconnect();
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#listeners.clear();
    this.#disconnect();
  }

  #connect(): RedisSubscriberLike | undefined {
    const connection = this.#client.duplicate?.();
    // Without a connection there are no hints; whoever needs to know polls.
    connection?.on("error", () => {});
    connection?.on("message", (_channel, message) => this.#hear(message));
    if (!connection) return undefined;
    // It listens again by itself, and does not say when: asked once more, the server says so.
    const first = this.#subscribe(connection);
    connection.on("ready", () => void first.then(() => this.#subscribe(connection)));
    return connection;
  }

  async #subscribe(connection: RedisSubscriberLike): Promise<void> {
    try {
      await connection.subscribe(this.channel);
      this.#listeners.tellMissed();
    } catch {
      const again = () => {
        if (this.#connection === connection) void this.#subscribe(connection);
      };
      setTimeout(again, RETRY_MS).unref();
    }
  }

  /** A message is the writer, a space, and the hint; or anything else, since anybody may write to the channel. */
  #hear(message: unknown): void {
    if (typeof message !== "string" || message.startsWith(`${this.#self}.`)) return;
    this.tell([message.slice(message.indexOf(" ") + 1)]);
  }

  #disconnect(): void {
    this.#connection?.disconnect();
    this.#connection = undefined;
  }
}

/** Milliseconds until a subscription that has failed is tried again. */
const RETRY_MS = 1_000;
