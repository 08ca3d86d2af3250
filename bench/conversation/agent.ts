import { setTimeout as sleep } from "node:timers/promises";
import { millisecondsOf, type Question, TURN_S } from "./script.ts";

/** What the model finds in the conversation at its next turn. `lost`: the call was given up. */
export type Item =
  | { type: "question"; question: Question }
  | { type: "result" | "lost"; name: string }
  | { type: "placeholder" };

/** Hears what the user is told of a question. */
export type Told = (name: string, isAnswer: boolean) => void;

/** What differs from one way of calling tools to another. */
export interface Way {
  /** Calls the tool of a question; answers what the model gets for the call. */
  call(question: Question): Promise<Item>;
  /** What is there for the agent when a run of it ends. */
  waiting(): Promise<Item[]>;
}

/**
 * An agent whose model is scripted. At each turn it reads what is new in the conversation, answers every
 * question whose result it has read, and calls the tools of every question it has not met yet, side by side.
 * It is asked again until there is nothing new to read.
 */
export class ScriptedAgent {
  readonly #way: Way;
  readonly #told: Told;
  #unread: Item[] = [];
  #running: Promise<void> | undefined;
  turns = 0;

  constructor(way: Way, told: Told) {
    this.#way = way;
    this.#told = told;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Puts something into the conversation. It is read at the next turn of the run that is on, or of a new one. */
  take(items: readonly Item[]): Promise<void> {
    this.#unread.push(...items);
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    do {
      while (this.#unread.length > 0) await this.#turn();
      this.#unread.push(...(await this.#way.waiting()));
    } while (this.#unread.length > 0);
    this.#running = undefined;
  }

  async #turn(): Promise<void> {
    const read = this.#unread;
    this.#unread = [];
    this.turns += 1;
    await sleep(millisecondsOf(TURN_S));
    for (const item of read) if ("name" in item) this.#told(item.name, item.type === "result");
    const calls = read.flatMap((item) => (item.type === "question" ? this.#way.call(item.question) : []));
    this.#unread.push(...(await Promise.all(calls)));
  }
}
