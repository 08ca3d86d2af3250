import type { BackgroundTaskManager, TaskScope, ToolOffloadMiddleware } from "tool-offload";
import type { FollowUpInbox, Turn } from "tool-offload/follow-up";
import type * as z from "zod";

/** One call that a scripted model makes. */
export interface ModelCall {
  id: string;
  toolName: string;
  input: Record<string, unknown>;
}

/**
 * What a scripted model answers: a text ends its turn. With a `failure` the provider breaks off after the text; where
 * nothing streams, it just fails.
 */
export type Reply = { text: string; failure?: Error } | { calls: ModelCall[] };

/** A message as every framework has it, in its own clothes. `images`: in base64, if there are any. */
export type Message =
  | { role: "user"; text: string; isFollowUp: boolean; images?: string[] }
  | { role: "assistant"; text: string; calls: ModelCall[] }
  | { role: "tool"; callId: string; text: string; images?: string[] };

/** What a tool shows the model of its result. */
export interface Shown {
  text: string;
  /** In base64. */
  png: string;
}

/** A tool before a framework knows of it. */
export interface PlainTool {
  name: string;
  description: string;
  inputSchema: z.ZodObject;
  execute(input: Record<string, unknown>, signal: AbortSignal | undefined): unknown;
  /** In the framework's own way. Without it: the result as it is. */
  shows?(value: unknown): Shown;
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

/** One turn, as a host's function gets it. */
export interface Run {
  /** `undefined`: the framework as it is, without us. */
  turn: Turn | undefined;
  /** What the user says. `undefined`: it is a turn for late results. */
  text: string | undefined;
  /** Aborts with the turn, or when the user leaves. */
  signal: AbortSignal | undefined;
}

/** One session of an agent, in its framework's own loop. */
export interface Conversation {
  /**
   * A turn for what the user says, and for all that waits; its final text. Rejects as the framework's run does, and
   * with the signal's reason where the framework ends an aborted run without an error. What it got that far stays in
   * the history.
   */
  take(run: Run): Promise<string>;
  /** All that is kept of the conversation. */
  history(): Promise<Message[]>;
  /** The same as the framework keeps it, without what differs from run to run. */
  raw(): Promise<unknown>;
}

export interface Framework {
  name: string;
  /** @param beside the same conversation in another process: what is kept is the same */
  open(setup: Setup, beside?: Conversation): Promise<Conversation>;
  /** Scenarios that its design does not allow, by name, and why: they are expected to fail. */
  cannot: Record<string, string>;
}
