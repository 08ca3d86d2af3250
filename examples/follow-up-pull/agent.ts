import { type BackgroundTaskManager, type TaskScope, ToolOffloadMiddleware } from "tool-offload";
import {
  type FollowUp,
  FollowUpDispatcher,
  type FollowUpMarker,
  type FollowUpMessage,
  type Turn,
} from "tool-offload/follow-up";
import { askModel } from "./model.ts";
import { type ToolName, tools } from "./tools.ts";

export interface Call {
  toolName: ToolName;
  target: string;
}

export interface Message {
  role: "user" | "assistant" | "tool";
  content: string;
  /** Of a tool's answer. */
  toolName?: ToolName;
  /** Of a message with late results. */
  marker?: FollowUpMarker;
}

/** An agent's loop that takes late results in by itself: at each step of a turn, and before the next turn. */
export class Agent {
  readonly messages: Message[] = [];
  readonly #scope: TaskScope;
  readonly #offload: ToolOffloadMiddleware;
  readonly #dispatcher: FollowUpDispatcher;

  constructor(tasks: BackgroundTaskManager, scope: TaskScope) {
    this.#scope = scope;
    // "interrupt": its result goes into the turn that is running. Any other waits for the next turn.
    const tools = { deploy: { followUp: "interrupt" } } as const;
    this.#offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 200, tools });
    // It is never started: there are only the turns that the user asks for.
    this.#dispatcher = new FollowUpDispatcher({ tasks });
  }

  /** The user says something. */
  turn(content: string): Promise<void> {
    return this.#dispatcher.turn(this.#scope, (turn) => this.#takeTurn(turn, content));
  }

  /** One turn: what waits, what the user says, and what the agent makes of it. */
  async #takeTurn(turn: Turn, content: string): Promise<void> {
    await this.#takeIn(turn, turn.followUps);
    this.messages.push({ role: "user", content });
    for (;;) {
      const reply = askModel(this.messages);
      if ("text" in reply) {
        this.messages.push({ role: "assistant", content: reply.text });
        return;
      }
      const calls = reply.calls.map(({ toolName, target }) => `${toolName} ${target}`);
      this.messages.push({ role: "assistant", content: `calls ${calls.join(" and ")}` });
      this.messages.push(...(await Promise.all(reply.calls.map((call) => this.#call(call, turn.signal)))));
      // After the step's answers: models want a call and its answer side by side. Where something interrupts,
      // whatever else waits comes along.
      const interrupts = await turn.interrupts();
      if (interrupts !== undefined) await this.#takeIn(turn, interrupts.followUps);
    }
  }

  /**
   * Puts late results into the conversation, and acknowledges them once they are there: they stay, even if the turn
   * fails later. If the process ends in between they come again, so it leaves out those it has. See
   * examples/follow-up for one that keeps them on disk.
   */
  async #takeIn(turn: Turn, followUps: readonly FollowUp[]): Promise<void> {
    const known = this.messages.flatMap(({ marker }) => marker?.tasks.map(({ id }) => id) ?? []);
    const news = followUps.filter(({ id }) => !known.includes(id));
    if (news.length > 0) await this.#addNotice(turn.messageFor(news));
    await turn.acknowledge(followUps);
  }

  /** Put your write here, and let it be done before this returns. */
  async #addNotice({ text, marker }: FollowUpMessage): Promise<void> {
    this.messages.push({ role: "user", content: text, marker });
  }

  async #call({ toolName, target }: Call, signal: AbortSignal): Promise<Message> {
    const call = { toolName, input: { target }, scope: this.#scope, signal };
    const outcome = await this.#offload.run(call, tools[toolName]);
    const content = outcome.status === "completed" ? outcome.value : outcome.message;
    return { role: "tool", toolName, content };
  }
}
