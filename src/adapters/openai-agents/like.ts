/** What this adapter needs of `@openai/agents`, as shapes: nothing of the framework is imported. */

/** A `RunContext`: `context` is what the host gave to `run`. */
export interface RunContextLike {
  context: unknown;
}

/** What a function tool is told of its call. */
export interface CallDetailsLike {
  toolCall?: { callId: string; caller?: { type: string } | undefined } | undefined;
  signal?: AbortSignal | undefined;
}

/** Any tool of an agent. */
export interface ToolLike {
  type: string;
  name: string;
}

/** An agent, as far as its tools are told of it. */
export interface AgentLike {
  toolUseBehavior: unknown;
}

/** A `FunctionTool`. */
export interface FunctionToolLike extends ToolLike {
  type: "function";
  timeoutMs?: number | undefined;
  outputSchema?: unknown;
  outputGuardrails?: readonly unknown[] | undefined;
  invoke(runContext: RunContextLike, input: string, details?: CallDetailsLike): Promise<unknown>;
  isEnabled(runContext: RunContextLike, agent: AgentLike): Promise<boolean>;
}

/** What the framework's `tool` is given, as far as this adapter changes it. */
export interface ToolOptionsLike {
  name?: string;
  timeoutMs?: number;
  execute(input: unknown, runContext?: RunContextLike, details?: CallDetailsLike): unknown;
}

/** One result of a step, as the framework shows it to a `toolUseBehavior`. */
export interface ToolResultLike {
  type: string;
  tool: { name?: string };
  output?: unknown;
  runItem: { rawItem: object };
}

/** What a `toolUseBehavior` answers. */
export type FinalOutputLike =
  | { isFinalOutput: false; isInterrupted: undefined }
  | { isFinalOutput: true; isInterrupted: undefined; finalOutput: string };

/** A `Session`. With `applyHistoryTransaction` it takes the same operation in no more than once. */
export interface SessionLike {
  getItems(): Promise<object[]>;
  addItems(items: FollowUpItem[]): Promise<void>;
  applyHistoryTransaction?(args: {
    operationId: string;
    transaction: { type: "append_items"; items: FollowUpItem[] };
  }): Promise<void> | void;
}

/** A `RunState`, as far as a turn is interrupted by it. */
export interface RunStateLike {
  addInput(input: FollowUpItem[]): void;
  readonly history: object[];
}

/** A message with late results, as a session keeps it: with the images that the tools have shown, if there are any. */
export interface FollowUpItem {
  role: "user";
  content: string | ({ type: "input_text"; text: string } | { type: "input_image"; image: string })[];
  providerData: Record<string, unknown>;
}
