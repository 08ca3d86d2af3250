import { Connection, LOOK_MS, type Terms, WAIT_MS } from "./connection.ts";
import { mayPass, type TaskClientError } from "./errors.ts";
import type { ByteStream, Signal } from "./fetch.ts";
import { type Page, untilSeen } from "./page.ts";
import type { Outgoing, Requests } from "./requests.ts";
import { readMessages, type StreamMessage } from "./sse.ts";
import { backoffMs, ignore, onAbort, pause } from "./waiting.ts";

/** What is followed: where its stream is, what the messages say, and how to look where streams do not come through. */
export interface Channel<News> {
  /** The request for its stream, from where it goes on. */
  request(): Outgoing;
  /** What a message tells. */
  take(message: StreamMessage): News | undefined;
  /** Looks once, for at most `waitMs`: what is new. */
  look(waitMs: number | undefined, terms: Terms): Promise<News[]>;
  /** Whether its last event has come, after which only what is known of the way back can. */
  readonly isEnding: boolean;
  /** Whether nothing more can come. */
  isOver: boolean;
  /**
   * Whether its stream begins with how everything stands, and is always there: a server that does not find it has no
   * streams.
   */
  readonly isOfStates: boolean;
}

/** How news come at the moment. */
export type ConnectionState = "live" | "polling" | "reconnecting";

export interface FollowOptions {
  /** Ends it, without an error. */
  signal?: Signal | undefined;
  /** Told each time that this changes. */
  onState?: ((state: ConnectionState) => void) | undefined;
}

/**
 * Follows a channel by streams, and where they do not come through by looking, until it is over or its reader leaves.
 * Leaving ends a `next` that waits: a generator's own `return` does not.
 */
export class Follower<News> implements AsyncIterator<News, void> {
  readonly #channel: Channel<News>;
  readonly #requests: Requests;
  readonly #page: Page;
  readonly #options: FollowOptions;
  readonly #left = new AbortController();
  readonly #signal = this.#left.signal as Signal;
  readonly #news = this.#read();
  #state: ConnectionState | undefined;
  #failures = 0;
  /** By `performance.now()`; until then it looks. */
  #streamsAt = 0;
  #mayWait = true;

  constructor(channel: Channel<News>, requests: Requests, page: Page, options: FollowOptions) {
    this.#channel = channel;
    this.#requests = requests;
    this.#page = page;
    this.#options = options;
  }

  next(): Promise<IteratorResult<News, void>> {
    return this.#news.next();
  }

  return(): Promise<IteratorResult<News, void>> {
    this.#left.abort();
    return this.#news.return();
  }

  async *#read(): AsyncGenerator<News, void> {
    const stop = onAbort(this.#options.signal, () => this.#left.abort());
    try {
      while (!this.#channel.isOver && !this.#signal.aborted) yield* this.#attempt();
    } finally {
      stop();
    }
  }

  /** One connection, until it ends for whatever reason, and the rest after it. */
  async *#attempt(): AsyncGenerator<News, void> {
    await untilSeen(this.#page, this.#signal).catch(ignore);
    const startedAt = performance.now();
    const looks = startedAt < this.#streamsAt;
    const connection = new Connection(this.#signal, this.#page);
    let hasMoved = false;
    let restMs: number | undefined;
    try {
      hasMoved = yield* looks ? this.#look(connection) : this.#stream(connection);
      hasMoved ||= performance.now() - startedAt > LASTING_MS;
    } catch (error) {
      if (!connection.signal.aborted && !mayPass(error)) throw error;
      this.#tell("reconnecting");
      restMs = (error as Partial<TaskClientError>).retryAfterMs;
    } finally {
      connection.end();
    }
    if (connection.isHeldBack && !looks) this.#doWithout();
    // What has got somewhere begins anew; what is cut again and again comes ever later.
    this.#failures = hasMoved ? 0 : this.#failures + 1;
    const { isOver, isEnding } = this.#channel;
    restMs ??= isOver || (isEnding && hasMoved) ? 0 : backoffMs(this.#failures);
    // An abort ends it at once: the loop sees that.
    await pause(restMs, this.#signal).catch(ignore);
  }

  /** Returns whether it got anywhere. */
  async *#stream(connection: Connection): AsyncGenerator<News, boolean> {
    const body = await this.#open(connection);
    if (this.#channel.isOver) return true;
    if (!body) {
      this.#doWithout();
      return yield* this.#look(connection);
    }
    const heard = () => {
      connection.heard();
      this.#tell("live");
    };
    let least = this.#channel.isOfStates ? 1 : 0;
    for await (const message of readMessages(body, connection.signal, heard)) {
      least -= 1;
      const news = this.#channel.take(message);
      if (news !== undefined) yield news;
    }
    return least < 0;
  }

  /** Nothing where streams do not come through. */
  async #open(connection: Connection): Promise<ByteStream | undefined> {
    const headers = { accept: "text/event-stream" };
    try {
      const terms = connection.within(FIRST_WITHIN_MS);
      const response = await this.#requests.send({ ...this.#channel.request(), headers, ...terms });
      this.#channel.isOver = response.status === 204;
      const isStream = response.headers.get("content-type")?.startsWith("text/event-stream");
      // Not every fetch has bodies that can be read as they come.
      return isStream ? (response.body as ByteStream | undefined) : undefined;
    } catch (error) {
      const known = this.#channel.isOfStates ? [400, 404, 406, 429] : [406, 429];
      if (!known.includes((error as TaskClientError).status)) throw error;
      return undefined;
    }
  }

  /** Returns whether there was anything. */
  async *#look(connection: Connection): AsyncGenerator<News, boolean> {
    const waitMs = this.#mayWait ? WAIT_MS : undefined;
    const news = await this.#channel.look(waitMs, connection.within(LOOK_MS)).catch((error) => {
      const { status, field } = error as TaskClientError;
      // An older server knows no waiting, and a busy one has no room for it.
      this.#mayWait &&= field !== "waitMs" && status !== 429;
      if (waitMs && field === "waitMs") return [];
      throw error;
    });
    this.#tell("polling");
    yield* news;
    return news.length > 0;
  }

  #doWithout(): void {
    this.#streamsAt = performance.now() + WITHOUT_STREAMS_MS;
    this.#mayWait = true;
  }

  #tell(state: ConnectionState): void {
    if (state === this.#state || this.#signal.aborted) return;
    this.#state = state;
    this.#options.onState?.(state);
  }
}

/** A stream begins with a line that is sent at once: what holds it back is a proxy. */
const FIRST_WITHIN_MS = 5_000;
const LASTING_MS = 1_000;
/** How long it does without streams before it tries them again. */
const WITHOUT_STREAMS_MS = 60_000;
