/** Runs in a page, and in a worker of Node: uses the client there, and keeps what comes for who asks from outside. */

import {
  createTaskClient,
  type TaskClient,
  TaskClientError,
  type TaskClientOptions,
} from "../../src/client/index.ts";
import { forward } from "./forward.ts";

/** What comes of an iteration. */
export interface Recording<News = unknown> {
  news: News[];
  states: string[];
  /** How it ended; `undefined` until then. */
  end?: "done" | Failure;
}

/** An error, as it crosses from there to here. */
export interface Failure {
  name: string;
  message: string;
  code?: string | undefined;
  status?: number | undefined;
  problem?: string | undefined;
  field?: string | undefined;
  retryAfterMs?: number | undefined;
}

export interface Opening extends Omit<TaskClientOptions, "headers" | "fetch"> {
  /** What the headers are when they are asked for, in turn; the last one for ever. */
  tokens?: string[] | undefined;
}

export type Call = Exclude<keyof TaskClient, "watch" | "watchAll">;

let client: TaskClient;
let tokens: string[] = [];
let asked = 0;
const recordings = new Map<string, { recording: Recording; leave: () => void }>();

/** What is asked from outside. */
export const recorder = {
  open({ tokens: given, ...options }: Opening) {
    tokens = given ?? [];
    const headers = given && (async () => ({ Authorization: `Bearer ${nextToken()}` }));
    client = createTaskClient({ ...options, headers });
  },
  tokens: (given: string[]) => {
    tokens = given;
  },
  /** How often the headers have been asked for. */
  asked: () => asked,
  forward,
  /** A browser without a window hides none of its tabs: this says that it did. */
  show(visibilityState: "visible" | "hidden") {
    const { document } = globalThis as unknown as { document: EventTarget };
    Object.defineProperty(document, "visibilityState", { value: visibilityState, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  },
  /** A `for await`, left after so many news. */
  watch(name: string, id: string, most?: number) {
    record(name, (options) => client.watch(id, options), most);
  },
  watchAll(name: string, sessionId?: string) {
    record(name, (options) => client.watchAll({ sessionId, ...options }));
  },
  leave: (name: string) => recordings.get(name)?.leave(),
  heard: (name: string) => recordings.get(name)?.recording,
  async call(name: Call, ...args: unknown[]) {
    // biome-ignore lint/suspicious/noExplicitAny: whatever the call takes
    const call = client[name] as (...args: any[]) => Promise<unknown>;
    return call(...args).then(
      (value) => ({ value }),
      (error) => ({ error: failureOf(error) }),
    );
  },
  /** Whether the second of two calls returns the very object of the first. */
  async same(name: Call, ...args: unknown[]) {
    // biome-ignore lint/suspicious/noExplicitAny: whatever the call takes
    const call = client[name] as (...args: any[]) => Promise<unknown>;
    const first = await call(...args);
    return (await call(...args)) === first;
  },
};

type Told = (options: { signal: AbortSignal; onState: (state: string) => void }) => AsyncIterable<unknown>;

function record(name: string, told: Told, most = Number.POSITIVE_INFINITY): void {
  const left = new AbortController();
  const recording: Recording = { news: [], states: [] };
  recordings.set(name, { recording, leave: () => left.abort() });
  const follow = async () => {
    const onState = (state: string) => void recording.states.push(state);
    for await (const news of told({ signal: left.signal, onState })) {
      recording.news.push(news);
      if (recording.news.length >= most) break;
    }
    return "done" as const;
  };
  follow()
    .catch(failureOf)
    .then((end) => {
      recording.end = end;
    });
}

function nextToken(): string | undefined {
  asked += 1;
  return tokens.length > 1 ? tokens.shift() : tokens[0];
}

function failureOf(error: Error): Failure {
  const { name, message } = error;
  if (!(error instanceof TaskClientError)) return { name, message };
  const { code, status, problem, field, retryAfterMs } = error;
  return { name, message, code, status, problem, field, retryAfterMs };
}

Object.assign(globalThis, { recorder });
