import { Connection } from "./connection.ts";
import { mayPass, TaskClientError } from "./errors.ts";
import type { Signal } from "./fetch.ts";
import { untilSeen } from "./page.ts";
import type { Query, Requests } from "./requests.ts";
import { readMessages, type StreamMessage } from "./sse.ts";
import { backoffMs, pause } from "./waiting.ts";

/** What is followed: where its stream is, what the messages say, and how to look where streams do not come through. */
export interface Channel<News> {
  readonly path: string;
  /** From where it goes on. */
  query(): Query;
  /** What a message tells. */
  take(message: StreamMessage): News | undefined;
  /** Looks once, for at most `waitMs`: what is new. */
  look(waitMs: number, signal: Signal | undefined): Promise<News[]>;
  /** Whether its last event has come, after which only what is known of the way back can. */
  readonly isEnding: boolean;
  /** Whether nothing more can come. */
  isOver: boolean;
  /** Whether a 404 of the stream says that the server has no streams, and not that nothing is there. */
  readonly isAlwaysThere: boolean;
}

/** How news come at the moment. */
export type ConnectionState = "live" | "polling" | "reconnecting";

export interface FollowOptions {
  /** Ends it, without an error. */
  signal?: Signal | undefined;
  /** Told each time that this changes. */
  onState?: ((state: ConnectionState) => void) | undefined;
}

/** Follows a channel by streams, and where they do not come through by looking, until it is over or its reader leaves. */
export class Follower<News> {
  readonly #channel: Channel<News>;
  readonly #requests: Requests;
  readonly #signal: Signal | undefined;
  readonly #closesHidden: boolean;
  readonly #onState: (state: ConnectionState) => void;
  #state: ConnectionState | undefined;
  #failures = 0;
  /** By `performance.now()`; until then it looks. */
  #streamsAt = 0;
  #mayWait = true;

  constructor(channel: Channel<News>, requests: Requests, closesHidden: boolean, options: FollowOptions) {
    this.#channel = channel;
    this.#requests = requests;
    this.#closesHidden = closesHidden;
    this.#signal = options.signal;
    this.#onState = options.onState ?? (() => undefined);
  }

  async *read(): AsyncGenerator<News, void> {
    while (!this.#channel.isOver && !this.#signal?.aborted) {
      try {
        if (this.#closesHidden) await untilSeen(this.#signal);
        yield* performance.now() < this.#streamsAt ? this.#look() : this.#stream();
      } catch (error) {
        if (this.#signal?.aborted) return;
        if (!mayPass(error)) throw error;
        this.#tell("reconnecting");
        this.#failures += 1;
        await this.#rest(error.retryAfterMs ?? backoffMs(this.#failures));
      }
    }
  }

  /** One connection, until it ends for whatever reason. */
  async *#stream(): AsyncGenerator<News, void> {
    const connection = new Connection(this.#signal, this.#closesHidden);
    const openedAt = performance.now();
    let count = 0;
    try {
      const body = await this.#open(connection);
      if (body === undefined) return;
      for await (const message of readMessages(body, () => this.#heard(connection))) {
        const news = this.#channel.take(message);
        count += 1;
        if (news !== undefined) yield news;
      }
    } catch (error) {
      if (error instanceof TaskClientError || this.#signal?.aborted) throw error;
    } finally {
      connection.end();
    }
    if (connection.isHeldBack) this.#doWithout();
    // What has got somewhere begins anew; what is cut again and again comes ever later.
    this.#failures = count > 1 || performance.now() - openedAt > LASTING_MS ? 0 : this.#failures + 1;
    if (!this.#channel.isEnding) await this.#rest(backoffMs(this.#failures));
  }

  async #open({ signal }: Connection) {
    const { path, isAlwaysThere } = this.#channel;
    const headers = { Accept: "text/event-stream" };
    try {
      const response = await this.#requests.send({ path, query: this.#channel.query(), headers, signal });
      this.#channel.isOver = response.status === 204;
      if (response.headers.get("Content-Type")?.startsWith("text/event-stream")) return response.body;
    } catch (error) {
      const { status } = error as TaskClientError;
      if (status !== 429 && !(status === 404 && isAlwaysThere)) throw error;
    }
    this.#doWithout();
    return undefined;
  }

  async *#look(): AsyncGenerator<News, void> {
    const startedAt = performance.now();
    const news = await this.#channel.look(this.#mayWait ? WAIT_MS : 0, this.#signal).catch((error) => {
      // An older server knows no waiting, and a busy one has no room for it.
      const { status, field } = error as TaskClientError;
      if (!this.#mayWait || (field !== "waitMs" && status !== 429)) throw error;
      this.#mayWait = false;
      return [];
    });
    this.#tell("polling");
    yield* news;
    this.#failures = news.length > 0 ? 0 : this.#failures + 1;
    const hasWaited = performance.now() - startedAt > LASTING_MS;
    if (!this.#channel.isOver) await this.#rest(hasWaited ? 0 : backoffMs(this.#failures));
  }

  #heard(connection: Connection): void {
    connection.heard();
    this.#tell("live");
  }

  #doWithout(): void {
    this.#streamsAt = performance.now() + WITHOUT_STREAMS_MS;
    this.#mayWait = true;
  }

  #tell(state: ConnectionState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#onState(state);
  }

  /** An abort ends it at once: the loop sees that. */
  #rest(ms: number): Promise<void> {
    return pause(ms, this.#signal).catch(() => undefined);
  }
}

const LASTING_MS = 1_000;
/** How long it does without streams before it tries them again. */
const WITHOUT_STREAMS_MS = 60_000;
const WAIT_MS = 20_000;
