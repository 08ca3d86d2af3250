import type { BackgroundTaskManager, TaskScope, ToolOffloadMiddleware } from "tool-offload";
import type { Delivery, FollowUpInbox } from "tool-offload/follow-up";
import type * as z from "zod";

/** One call that a scripted model makes. */
export interface ModelCall {
  id: string;
  toolName: string;
  input: Record<string, unknown>;
}

/** What a scripted model answers: a text ends its turn. */
export type Reply = { text: string } | { calls: ModelCall[] };

/** A message as every framework has it, in its own clothes. */
export type Message =
  | { role: "user"; text: string; isFollowUp: boolean }
  | { role: "assistant"; text: string; calls: ModelCall[] }
  | { role: "tool"; callId: string; text: string };

/** A tool before a framework knows of it. */
export interface PlainTool {
  name: string;
  description: string;
  inputSchema: z.ZodObject;
  execute(input: Record<string, unknown>, signal: AbortSignal | undefined): unknown;
}

/** What a conversation is made of. */
export interface Setup {
  tools: readonly PlainTool[];
  /** The model: called once for each of its requests, with all it is shown but system messages. */
  answer(shown: Message[]): Reply;
  /** Runs in streams, where the framework has both. */
  isStreaming: boolean;
  /** `undefined`: the framework as it is, without us. */
  offload: Offloading | undefined;
}

export interface Offloading {
  tasks: BackgroundTaskManager;
  middleware: ToolOffloadMiddleware;
  inbox: FollowUpInbox;
  scope: TaskScope;
}

/** One session of an agent, in its framework's own loop. */
export interface Conversation {
  /**
   * A turn for what the user says; its final text. Rejects as the framework's run does, and with the signal's
   * reason where the framework ends an aborted run without an error. What it got that far stays in the history.
   */
  say(text: string, signal?: AbortSignal): Promise<string>;
  /** A turn for late results, as the host's `deliver`. "busy" while a turn runs. */
  deliver(delivery: Delivery): Promise<unknown>;
  /** All that is kept of the conversation. */
  history(): Promise<Message[]>;
  /** The same as the framework keeps it, without what differs from run to run. */
  raw(): Promise<unknown>;
  close?(): Promise<void>;
}

export interface Framework {
  name: string;
  open(setup: Setup): Promise<Conversation>;
  /** Scenarios that its design does not allow, by name, and why: they are expected to fail. */
  cannot: Record<string, string>;
}
