import type { OffloadOutcome, TaskScope } from "tool-offload";
import type { Delivery } from "tool-offload/follow-up";
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
  #turn = new AbortController();
  #isBusy = false;
  #plan: { answer: string; woken: (delivery: Delivery) => void } | undefined;

  constructor(scope: TaskScope) {
    this.scope = scope;
  }

  /** A turn begins: the user has said something. */
  hear(text: string): void {
    this.#turn = new AbortController();
    this.#isBusy = true;
    say("user", text);
  }

  /** Calls a tool, and shows the model what comes of it. */
  async use<I extends object, T>(tool: AgentTool<I, T>, input: I): Promise<OffloadOutcome<T>> {
    say("agent", `calls ${tool.name}: ${short(Object.values(input).join(", "))}`);
    const outcome = await tool.run(input, { scope: this.scope, signal: this.#turn.signal });
    if (outcome.status === "completed") say("model", `gets the result: ${short(show(outcome.value))}`);
    else say("model", `gets a placeholder: task ${outcome.task.id} goes on in the background`);
    return outcome;
  }

  /** The turn ends with an answer, and its signal is aborted, as hosts do when a request is over. */
  answer(text: string): AbortSignal {
    say("agent", `answers: ${text}`);
    this.#isBusy = false;
    this.#turn.abort(new DOMException("The turn is over.", "AbortError"));
    return this.#turn.signal;
  }

  /** A turn begins: late results have come. Returning from it says that they are taken in. */
  deliver(delivery: Delivery): "busy" | undefined {
    if (this.#isBusy) return "busy";
    this.ownTurns += 1;
    const count = delivery.followUps.length;
    say("host", `wakes the agent, with ${count} ${count === 1 ? "result" : "results"} in one message`);
    say("model", `reads, here abridged: ${abridged(delivery.message.text)}`);
    say("agent", `says, without having been asked: ${this.#plan?.answer ?? "I have read it."}`);
    this.#plan?.woken(delivery);
    this.#plan = undefined;
    return undefined;
  }

  /** Waits for the next turn of its own, in which it is to say this. */
  wokenToSay(answer: string): Promise<Delivery> {
    return new Promise((woken) => {
      this.#plan = { answer, woken };
    });
  }
}

function show(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
