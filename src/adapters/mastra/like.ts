/** The parts of Mastra that this adapter touches. A type test holds that the real ones fit. */

/** A conversation of Mastra: whose it is, and which. */
export interface ThreadLike {
  resourceId: string;
  threadId: string;
}

/** What a tool's `execute` is given beside its input. */
export interface ToolContextLike {
  abortSignal?: AbortSignal | undefined;
  requestContext?: { get(key: string): unknown } | undefined;
  /** Present where an agent calls the tool. */
  agent?: AgentContextLike | undefined;
  /** Of the AI SDK's tools, which Mastra takes too. */
  toolCallId?: string | undefined;
}

export interface AgentContextLike {
  toolCallId?: string | undefined;
  resourceId?: string | undefined;
  threadId?: string | undefined;
  /** Mastra runs the call as a background task of its own. */
  isBackgroundTask?: boolean | undefined;
  suspend?(...given: never): Promise<unknown>;
}

export interface ToolLike {
  execute?(...given: never): unknown;
  toModelOutput?(...given: never): unknown;
  background?: { enabled?: boolean | undefined } | undefined;
}

/** An agent's tools, by the names that the model knows them by. */
export type ToolSetLike = Readonly<Record<string, object>>;

/** A message as the memory keeps it. */
export interface StoredMessageLike {
  id: string;
  role: string;
  content: unknown;
}

/** An agent's memory: of `@mastra/memory`, or of one's own. */
export interface MemoryLike {
  getThreadById(query: { threadId: string }): Promise<object | null>;
  recall(
    query: ThreadLike & {
      perPage: false;
      orderBy: { field: "createdAt"; direction: "ASC" };
      filter: { dateRange: { start: Date } };
    },
  ): Promise<{ messages: StoredMessageLike[] }>;
  saveMessages(given: { messages: never[] }): Promise<unknown>;
}

export interface SignalLike {
  id: string;
  type: "notification";
  contents: string | SignalPartLike[];
  attributes: Record<string, string>;
  metadata: Record<string, unknown>;
}

export type SignalPartLike =
  | { type: "text"; text: string }
  | { type: "file"; data: string; mediaType: string };

/** What became of a signal. Only `wake` is a turn that this process runs. */
export type AcceptedLike =
  | { action: "wake"; output: { getFullOutput(): Promise<{ error?: unknown }> } }
  | { action: "deliver" | "persist" | "discard" | "blocked" };

/** An agent that takes signals: `Agent` of `@mastra/core`, from 1.39 on. */
export interface SignalAgentLike {
  getMemory(given: object): Promise<MemoryLike | undefined>;
  sendSignal(
    signal: SignalLike,
    target: ThreadLike & {
      ifActive: { behavior: "discard" };
      ifIdle: { behavior: "wake"; streamOptions: object };
    },
  ): { accepted: Promise<AcceptedLike> };
  cancelQueuedMessages(target: ThreadLike & { signalIds: string[] }): unknown;
}

/** An input processor of an agent, as far as it is one here. */
export interface ProcessorLike {
  readonly id: string;
  processInputStep(step: InputStepLike): Promise<undefined>;
}

export interface InputStepLike {
  stepNumber: number;
  requestContext?: { get(key: string): unknown } | undefined;
  sendSignal?: ((signal: SignalLike) => Promise<{ toDBMessage(thread: ThreadLike): unknown }>) | undefined;
}
