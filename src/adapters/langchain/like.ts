/** What this adapter needs of LangChain's types, where they are large or not its own. */

/** What a run knows of itself: LangChain's `Runtime` of a middleware, and its `ToolRuntime`. */
export interface RuntimeLike {
  /** The `context` that the run was given. */
  readonly context?: unknown;
  /** The `configurable` that the run was given: `thread_id` names the checkpointer's thread. */
  readonly configurable?: { readonly [name: string]: unknown } | undefined;
}

/** A message as far as it matters here: LangChain's `BaseMessage`. */
export interface MessageLike {
  readonly additional_kwargs?: { readonly [name: string]: unknown } | undefined;
}

/** What is asked of a checkpointer: LangGraph's `BaseCheckpointSaver`. */
export interface CheckpointerLike {
  getTuple(config: {
    configurable: { thread_id: string; checkpoint_ns: string };
  }): Promise<{ checkpoint: { channel_values: Record<string, unknown> } } | undefined>;
}
