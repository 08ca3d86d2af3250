import {
  BackgroundTaskManager,
  type MiddlewareOptions,
  type TaskInfo,
  ToolOffloadMiddleware,
} from "tool-offload";
import { type Delivery, FollowUpDispatcher, FollowUpInbox } from "tool-offload/follow-up";
import { expect, vi } from "vitest";
import * as z from "zod";
import { Page, pagePromise, subprocess } from "../../support/iterable-values.ts";
import type { Conversation, Framework, Message, ModelCall, PlainTool, Reply } from "./framework.ts";
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
}

export const scope = { userId: "ada", sessionId: "chat-1" };
const TIMEOUT_MS = 30;

/** One conversation with a scripted model, and all that works behind it. */
export class Scene {
  readonly tasks = new BackgroundTaskManager();
  readonly slowCalls: SlowCall[] = [];
  /** What the model was shown, request by request. */
  readonly shown: Message[][] = [];
  conversation!: Conversation;
  readonly #steps: Step[];
  #dispatcher: FollowUpDispatcher | undefined;

  constructor(steps: Step[]) {
    this.#steps = [...steps];
  }

  static async open(
    framework: Framework,
    { steps, isStreaming, tools, coalesceMs = 50 }: SceneTerms,
  ): Promise<Scene> {
    const scene = new Scene(steps);
    const { tasks } = scene;
    const middleware = new ToolOffloadMiddleware({ tasks, timeoutMs: TIMEOUT_MS, tools });
    const inbox = new FollowUpInbox({ tasks });
    const offload = { tasks, middleware, inbox, scope };
    scene.conversation = await framework.open({ ...scene.#setup(isStreaming), offload });
    const deliver = async (delivery: Delivery) => {
      if ((await scene.conversation.deliver(delivery)) === "busy") delivery.busy();
    };
    scene.#dispatcher = new FollowUpDispatcher({
      tasks,
      deliver,
      coalesceMs,
      busyRetryMs: 10,
      retryMs: 10,
    });
    scene.#dispatcher.start();
    return scene;
  }

  /** The same conversation in the framework as it is. */
  static async openBare(framework: Framework, steps: Step[], isStreaming: boolean): Promise<Scene> {
    const scene = new Scene(steps);
    scene.conversation = await framework.open({ ...scene.#setup(isStreaming), offload: undefined });
    return scene;
  }

  async close(): Promise<void> {
    for (const call of this.slowCalls) call.resolve("too late");
    await this.#dispatcher?.stop();
    await this.conversation.close?.();
    await this.tasks.close();
  }

  async listed(): Promise<TaskInfo[]> {
    return (await this.tasks.list(scope)).tasks;
  }

  /** The slow tool has been called so often. */
  async called(times: number): Promise<SlowCall[]> {
    await vi.waitFor(() => expect(this.slowCalls.length).toBe(times), { timeout: 5_000 });
    return this.slowCalls;
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
      {
        name: "slow",
        description: "Slow.",
        inputSchema,
        execute: (input, signal) =>
          new Promise((resolve, reject) => {
            this.slowCalls.push({ input, signal, resolve, reject });
            signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
          }),
      },
    ];
  }
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
