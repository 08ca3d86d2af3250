import {
  BackgroundTaskManager,
  type MiddlewareOptions,
  memoryStore,
  type TaskInfo,
  type TaskStore,
  ToolOffloadMiddleware,
} from "tool-offload";
import { FollowUpDispatcher, FollowUpInbox, type Turn, type TurnOptions } from "tool-offload/follow-up";
import { expect, onTestFinished, vi } from "vitest";
import * as z from "zod";
import { Page, pagePromise, subprocess } from "../../support/iterable-values.ts";
import type { Conversation, Framework, Message, ModelCall, PlainTool, Reply, Shown } from "./framework.ts";
import { faultOfHistory } from "./history.ts";

/** A call of the slow tool, which goes on until the test ends it. */
export interface SlowCall {
  input: Record<string, unknown>;
  signal: AbortSignal | undefined;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

type Step = Reply | ((shown: Message[]) => Reply);
type ToolTerms = MiddlewareOptions["tools"];

interface SceneTerms {
  steps: Step[];
  isStreaming: boolean;
  tools?: ToolTerms;
  coalesceMs?: number;
  /** In how many processes the session is at home. */
  processes?: number;
}

/** How the user speaks. */
interface Saying {
  signal?: AbortSignal;
  whenBusy?: TurnOptions["whenBusy"];
  /** In which process. */
  process?: number;
}

interface Process {
  tasks: BackgroundTaskManager;
  dispatcher: FollowUpDispatcher;
  conversation: Conversation;
}

export const scope = { userId: "ada", sessionId: "chat-1" };
const TIMEOUT_MS = 30;

/** One conversation with a scripted model, and all that works behind it. */
export class Scene {
  readonly slowCalls: SlowCall[] = [];
  /** The same for a tool that the turn waits for. */
  readonly heldCalls: SlowCall[] = [];
  /** What the model was shown, request by request. */
  readonly shown: Message[][] = [];
  conversation!: Conversation;
  /** The processes in which a turn runs now. */
  readonly running: number[] = [];
  readonly #steps: Step[];
  readonly #processes: Process[] = [];
  #hasOverlapped = false;

  constructor(steps: Step[]) {
    this.#steps = [...steps];
  }

  static async open(framework: Framework, terms: SceneTerms): Promise<Scene> {
    const scene = new Scene(terms.steps);
    // Of one that has failed, too: it would go on into the next test.
    onTestFinished(() => scene.#end());
    const store = memoryStore();
    for (let process = 0; process < (terms.processes ?? 1); process += 1) {
      await scene.#startProcess(framework, terms, { ...store, close: async () => undefined });
    }
    return scene;
  }

  /** The same conversation in the framework as it is. */
  static async openBare(framework: Framework, steps: Step[], isStreaming: boolean): Promise<Scene> {
    const scene = new Scene(steps);
    scene.conversation = await framework.open({ ...scene.#setup(isStreaming), offload: undefined });
    return scene;
  }

  get tasks(): BackgroundTaskManager {
    const [first] = this.#processes;
    if (first === undefined) throw new Error("A bare scene has no tasks.");
    return first.tasks;
  }

  /** The user says something; what the agent answers. */
  async say(text: string, { signal, whenBusy, process = 0 }: Saying = {}): Promise<string> {
    const home = this.#processes[process];
    if (home === undefined) return this.conversation.take({ turn: undefined, text, signal });
    const take = (turn: Turn) => this.#take(process, turn, text, signal);
    return home.dispatcher.turn(scope, take, { whenBusy });
  }

  async close(): Promise<void> {
    await this.#end();
    expect(this.#hasOverlapped).toBe(false);
  }

  async listed(): Promise<TaskInfo[]> {
    return (await this.tasks.list(scope)).tasks;
  }

  /** The slow tool has been called so often. */
  async called(times: number): Promise<SlowCall[]> {
    await vi.waitFor(() => expect(this.slowCalls.length).toBe(times), { timeout: 5_000 });
    return this.slowCalls;
  }

  /** A turn waits for the tool that it has to wait for. */
  async held(): Promise<SlowCall> {
    return vi.waitUntil(() => this.heldCalls.at(-1), { timeout: 5_000 });
  }

  /** The model has answered so often, and nothing is left that could call it again. */
  async settled(requests: number): Promise<Message[]> {
    const isSettled = async () => {
      expect(this.shown.length).toBe(requests);
      const states = (await this.listed()).map(({ status, followUp }) => [status, followUp.status]);
      for (const [status, followUp] of states) {
        expect(["completed", "failed", "cancelled"]).toContain(status);
        expect(["none", "delivered", "dropped"]).toContain(followUp);
      }
    };
    await vi.waitFor(isSettled, { timeout: 5_000 });
    const history = await this.conversation.history();
    expect(faultOfHistory(history)).toBe(undefined);
    return history;
  }

  async #end(): Promise<void> {
    for (const call of [...this.slowCalls, ...this.heldCalls]) call.resolve("too late");
    const processes = this.#processes.splice(0);
    for (const { dispatcher } of processes) await dispatcher.stop();
    for (const { tasks } of processes) await tasks.close();
  }

  async #startProcess(framework: Framework, terms: SceneTerms, store: TaskStore): Promise<void> {
    const { isStreaming, coalesceMs = 50 } = terms;
    const process = this.#processes.length;
    const tasks = new BackgroundTaskManager({ store });
    const tools = { held: { mode: "never" }, ...terms.tools } satisfies ToolTerms;
    const middleware = new ToolOffloadMiddleware({ tasks, timeoutMs: TIMEOUT_MS, tools });
    const offload = { tasks, middleware, inbox: new FollowUpInbox({ tasks }), scope };
    const [first] = this.#processes;
    const setup = { ...this.#setup(isStreaming), offload };
    const conversation = await framework.open(setup, first?.conversation);
    const deliver = async (turn: Turn) => void (await this.#take(process, turn, undefined, undefined));
    const waits = { coalesceMs, busyRetryMs: 10, retryMs: 10 };
    const dispatcher = new FollowUpDispatcher({ tasks, deliver, ...waits }).start();
    this.#processes.push({ tasks, dispatcher, conversation });
    this.conversation ??= conversation;
  }

  async #take(process: number, turn: Turn, text: string | undefined, left: AbortSignal | undefined) {
    this.#hasOverlapped ||= this.running.length > 0;
    this.running.push(process);
    try {
      const signal = left ? AbortSignal.any([left, turn.signal]) : turn.signal;
      return (await this.#processes[process]?.conversation.take({ turn, text, signal })) ?? "";
    } finally {
      this.running.pop();
    }
  }

  async #tasksHaveEnded(): Promise<string> {
    const ids = (await this.listed()).map(({ id }) => id);
    await this.tasks.wait(scope, ids);
    return "They have ended.";
  }

  #setup(isStreaming: boolean) {
    return { tools: this.#tools(), answer: (shown: Message[]) => this.#answer(shown), isStreaming };
  }

  #answer(shown: Message[]): Reply {
    this.shown.push(shown);
    const fault = faultOfHistory(shown);
    if (fault !== undefined) throw new Error(`A provider would refuse this request: ${fault}.`);
    const step = this.#steps.shift();
    if (step === undefined) throw new Error("The model is asked more often than the scenario says.");
    return typeof step === "function" ? step(shown) : step;
  }

  #tools(): PlainTool[] {
    const inputSchema = z.object({ what: z.string() });
    return [
      { name: "fast", description: "Fast.", inputSchema, execute: ({ what }) => `fast ${what}` },
      {
        name: "broken",
        description: "Fails at once.",
        inputSchema,
        execute: () => Promise.reject(new Error("It is broken.")),
      },
      { name: "page", description: "A page.", inputSchema, execute: async () => new Page("file-1") },
      { name: "pages", description: "Pages.", inputSchema, execute: () => pagePromise("file-1", "file-2") },
      { name: "shell", description: "A shell.", inputSchema, execute: () => subprocess("hello", "bye") },
      {
        name: "meanwhile",
        description: "Ends when all tasks have.",
        inputSchema,
        execute: () => this.#tasksHaveEnded(),
      },
      { name: "slow", description: "Slow.", inputSchema, execute: heldIn(this.slowCalls) },
      { name: "shot", description: "A shot.", inputSchema, execute: async () => SHOT, shows: shotShown },
      {
        name: "slow_shot",
        description: "A slow shot.",
        inputSchema,
        execute: heldIn(this.slowCalls),
        shows: shotShown,
      },
      { name: "held", description: "Waited for.", inputSchema, execute: heldIn(this.heldCalls) },
    ];
  }
}

/** What a tool answers that shows the model its image and its title. */
export const SHOT = { title: "The harbour", png: Buffer.alloc(1_200, 7).toString("base64"), token: "s3cret" };

function shotShown(value: unknown): Shown {
  const { title, png } = value as typeof SHOT;
  return { text: title, png };
}

/** Goes on until the test ends it, or its signal aborts. */
function heldIn(calls: SlowCall[]): PlainTool["execute"] {
  return (input, signal) =>
    new Promise((resolve, reject) => {
      calls.push({ input, signal, resolve, reject });
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
}

export function text(text: string): Reply {
  return { text };
}

export function calls(...calls: [id: string, toolName: string, input?: Record<string, unknown>][]): Reply {
  const toCall = ([id, toolName, input = { what: id }]: (typeof calls)[number]): ModelCall => {
    return { id, toolName, input };
  };
  return { calls: calls.map(toCall) };
}
