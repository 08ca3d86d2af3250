/** What this adapter needs of the AI SDK's types. They are structural: nothing here imports `ai`. */

/** What the framework gives a tool beside its input. */
export interface ToolOptionsLike {
  toolCallId: string;
  messages: readonly unknown[];
  /** The turn's. The tool gets another one in its place. */
  abortSignal?: AbortSignal | undefined;
  /** The tool's own context, where it has a `contextSchema`. */
  context?: unknown;
  /** The same in `ai` 6. */
  experimental_context?: unknown;
}

/** A tool of any kind. */
export interface ToolLike {
  type?: string | undefined;
  execute?: ((input: never, options: never) => unknown) | undefined;
  outputSchema?: unknown;
  toModelOutput?: ((options: never) => unknown) | undefined;
}

export type ToolSetLike = Record<string, ToolLike>;

/** What a tool's output becomes for the model. */
export type ModelOutputLike = { type: "text"; value: string } | { type: "json"; value: unknown };

export interface ModelOutputOptions {
  toolCallId: string;
  input: unknown;
  output: unknown;
}

/** A message of the model's or the page's form; only what is looked at. */
export interface MessageLike {
  role: string;
  /** Of the model's form. */
  content?: unknown;
  /** Of the page's form. */
  parts?: unknown;
}

/** A result of `streamText`; only what is called. */
export interface StreamResultLike {
  // biome-ignore lint/suspicious/noExplicitAny: The framework's method is generic; its own type says what it takes.
  toUIMessageStream(options?: any): ReadableStream<unknown>;
}

/** How a stream has ended; only what is looked at. */
export interface StreamEndLike {
  isAborted: boolean;
  /** Older releases have none. */
  outcome?: { status: string; error?: unknown } | undefined;
  finishReason?: string | undefined;
}
