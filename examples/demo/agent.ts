import type { OffloadOutcome, TaskScope } from "tool-offload";
import type { BegunTurn, Delivery, FollowUpDispatcher, Turn } from "tool-offload/follow-up";
import { abridged } from "./abridged.ts";
import { say, short } from "./terminal.ts";

/** A tool, its function wrapped by a middleware. */
interface AgentTool<I, T> {
  name: string;
  run(input: I, call: { scope: TaskScope; signal: AbortSignal }): Promise<OffloadOutcome<T>>;
}

/**
 * The agent of this demo. It is scripted: no model is asked, since none can be reached offline, and what it
 * calls and says is written down in the scenes. Everything it causes is real: the calls, the race, the tasks.
 */
export class ScriptedAgent {
  readonly scope: TaskScope;
  /** Turns that no user has asked for: the ones that late results gave it. */
  ownTurns = 0;
  readonly #dispatcher: FollowUpDispatcher;
  #request = new AbortController();
  #turn: BegunTurn | undefined;
  #plan: { answer: string; woken: (turn: Delivery) => void } | undefined;

  constructor(scope: TaskScope, dispatcher: FollowUpDispatcher) {
    this.scope = scope;
    this.#dispatcher = dispatcher;
  }

  /** A turn begins: the user has said something. Until it has ended, late results wait. */
  async hear(text: string): Promise<void> {
    this.#request = new AbortController();
    this.#turn = await this.#dispatcher.begin(this.scope);
    say("user", text);
    readNews(this.#turn);
  }

  /** Calls a tool, and shows the model what comes of it. */
  async use<I extends object, T>(tool: AgentTool<I, T>, input: I): Promise<OffloadOutcome<T>> {
    say("agent", `calls ${tool.name}: ${short(Object.values(input).join(", "))}`);
    const signal = AbortSignal.any([this.#request.signal, ...(this.#turn ? [this.#turn.signal] : [])]);
    const outcome = await tool.run(input, { scope: this.scope, signal });
    if (outcome.status === "completed") say("model", `gets the result: ${short(show(outcome.value))}`);
    else say("model", `gets a placeholder: task ${outcome.task.id} goes on in the background`);
    return outcome;
  }

  /** The turn ends with an answer, and its signal is aborted, as hosts do when a request is over. */
  async answer(text: string): Promise<AbortSignal> {
    say("agent", `answers: ${text}`);
    await this.#turn?.end();
    this.#request.abort(new DOMException("The turn is over.", "AbortError"));
    return this.#request.signal;
  }

  /** A turn begins: late results have come. Returning from it says that they are taken in. */
  wake(turn: Delivery): void {
    this.ownTurns += 1;
    const count = turn.followUps.length;
    say("host", `wakes the agent, with ${count} ${count === 1 ? "result" : "results"} in one message`);
    readNews(turn);
    say("agent", `says, without having been asked: ${this.#plan?.answer ?? "I have read it."}`);
    this.#plan?.woken(turn);
    this.#plan = undefined;
  }

  /** Waits for the next turn of its own, in which it is to say this. */
  wokenToSay(answer: string): Promise<Delivery> {
    return new Promise((woken) => {
      this.#plan = { answer, woken };
    });
  }
}

function readNews({ message }: Turn): void {
  if (message) say("model", `reads, here abridged: ${abridged(message.text)}`);
}

function show(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
