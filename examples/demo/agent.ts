import type { OffloadOutcome, TaskScope } from "tool-offload";
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
  #turn = new AbortController();

  constructor(scope: TaskScope) {
    this.scope = scope;
  }

  /** A turn begins: the user has said something. */
  hear(text: string): void {
    this.#turn = new AbortController();
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
    this.#turn.abort(new DOMException("The turn is over.", "AbortError"));
    return this.#turn.signal;
  }
}

function show(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
