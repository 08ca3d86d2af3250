import { Agent, type ToolsInput } from "@mastra/core/agent";
import type { InputProcessorOrWorkflow } from "@mastra/core/processors";
import { InMemoryStore } from "@mastra/core/storage";
import { createTool } from "@mastra/core/tools";
import { Memory } from "@mastra/memory";
import { BackgroundTaskManager, type MiddlewareOptions, ToolOffloadMiddleware } from "tool-offload";
import { type Delivery, FollowUpInbox, type Turn } from "tool-offload/follow-up";
import { onTestFinished } from "vitest";
import * as z from "zod";
import type { Message, Reply } from "../scenarios/framework.ts";
import { scriptedModel } from "./model.ts";

let threads = 0;

/** A turn that no dispatcher has begun. */
export interface ClaimedDelivery extends Delivery {
  /** What it was told of its session. */
  readonly said: ("busy" | "gone")[];
  release(): Promise<boolean>;
}

type Step = Reply | ((shown: Message[]) => Reply | Promise<Reply>);

interface StageTerms {
  steps?: Step[];
  tools?: (stage: Stage) => ToolsInput;
  processors?: (stage: Stage) => InputProcessorOrWorkflow[];
  provider?: string;
  middleware?: Omit<MiddlewareOptions, "tasks">;
}

/** An agent of Mastra with a scripted model and a memory, and a manager beside it. */
export class Stage {
  /** One of its own: what Mastra knows of a thread's runs, it knows for the whole process. */
  readonly thread = { resourceId: "ada", threadId: `chat-${++threads}` };
  readonly inThread = { memory: { resource: this.thread.resourceId, thread: this.thread.threadId } };
  readonly scope = { userId: this.thread.resourceId, sessionId: this.thread.threadId };
  readonly tasks = new BackgroundTaskManager();
  readonly inbox = new FollowUpInbox({ tasks: this.tasks });
  readonly memory = new Memory({ storage: new InMemoryStore() });
  readonly offload: ToolOffloadMiddleware;
  readonly agent: Agent;
  readonly steps: Step[];
  /** What the model was shown, request by request. */
  readonly shown: Message[][] = [];

  constructor({ steps = [], tools, processors, provider, middleware }: StageTerms) {
    this.steps = [...steps];
    this.offload = new ToolOffloadMiddleware({ timeoutMs: 20, ...middleware, tasks: this.tasks });
    this.agent = new Agent({
      id: "agent",
      name: "agent",
      instructions: "Do as the script says.",
      model: scriptedModel((shown) => this.#answer(shown), provider),
      memory: this.memory,
      tools: tools?.(this) ?? {},
      inputProcessors: processors?.(this) ?? [],
      maxRetries: 0,
    });
    onTestFinished(() => this.tasks.close({ drainMs: 0 }));
  }

  async messages() {
    const orderBy = { field: "createdAt", direction: "ASC" } as const;
    return (await this.memory.recall({ ...this.thread, perPage: false, orderBy })).messages;
  }

  /** Who has said something in the thread, in order. */
  async roles(): Promise<string[]> {
    return (await this.messages()).map(({ role }) => role);
  }

  async task() {
    return (await this.tasks.list(this.scope)).tasks[0];
  }

  /** A task of the thread that has ended. */
  async ended(value: unknown = "late", toolName = "report"): Promise<string> {
    const { scope, tasks } = this;
    const { id } = await tasks.start({ toolName, input: { value }, scope }, () => value);
    await tasks.wait(scope, [id]);
    return id;
  }

  /** What a dispatcher would deliver; it stays claimed until `acknowledge` or `release`. */
  async delivery(signal = new AbortController().signal): Promise<ClaimedDelivery> {
    const claim = await this.inbox.claim(this.scope, { during: "idle" });
    if (claim === undefined) throw new Error("Nothing is due.");
    const said: ("busy" | "gone")[] = [];
    const delivery = {
      ...claim,
      scope: this.scope,
      signal,
      busy: () => void said.push("busy"),
      gone: () => void said.push("gone"),
    };
    return Object.assign(delivery as typeof delivery & Delivery, { said, release: () => claim.release() });
  }

  #answer(shown: Message[]): Reply | Promise<Reply> {
    this.shown.push(shown);
    const step = this.steps.shift();
    if (step === undefined) throw new Error("The model is asked more often than the test says.");
    return typeof step === "function" ? step(shown) : step;
  }
}

/** What a delivery was told of its session by `deliver`, or nothing. */
export async function answerOf(
  deliver: (turn: Turn) => Promise<void>,
  delivery: ClaimedDelivery,
): Promise<"busy" | "gone" | undefined> {
  await deliver(delivery);
  return delivery.said.pop();
}

export const text = (text: string): Reply => ({ text });

export function calls(toolName: string, input: Record<string, unknown> = {}, id = "one"): Reply {
  return { calls: [{ id, toolName, input }] };
}

/** A tool that goes on until it is told to end, or its signal aborts. */
export function slowTool() {
  const signals: (AbortSignal | undefined)[] = [];
  let resolve: (value: unknown) => void = () => undefined;
  const tool = createTool({
    id: "slow",
    description: "Slow.",
    inputSchema: z.object({}),
    execute: (_, { abortSignal }) =>
      new Promise<never>((end, reject) => {
        signals.push(abortSignal);
        resolve = end as (value: unknown) => void;
        abortSignal?.addEventListener("abort", () => reject(abortSignal.reason), { once: true });
      }),
  });
  return { tool, signals, end: (value: unknown) => resolve(value) };
}
