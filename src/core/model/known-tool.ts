import { TaskOffloadError } from "../errors.ts";
import { isStream } from "../values/iterables.ts";
import { func, kind, limit, oneOf } from "../values/kinds.ts";
import { needed, option, readOptions, type Table } from "../values/options.ts";
import { isPlain } from "../values/plain.ts";
import type { ToolContext, ToolExecuteFunction } from "./call.ts";
import type { ToolView } from "./view.ts";

/** What a tool of the manager's `tools` is given beside its input. */
export interface DurableContext extends ToolContext {
  /** The same at each start of one call, so that the other side can recognize a repetition. */
  readonly idempotencyKey: string;
  /** What was last given to `checkpoint`, by a process that is gone; `undefined` at the first start. */
  readonly lastCheckpoint: unknown;
  /**
   * Keeps JSON, of at most 1,048,576 characters, for the next start, in place of what was kept before. It resolves
   * once that is written; where nothing is to be written, in the foreground or for a call that cannot be started
   * again, at once. A call whose input has more characters cannot.
   *
   * @throws `invalid_input` for what JSON cannot carry, or is too long; an `AbortError` once the task is somebody
   * else's
   */
  checkpoint(data: unknown): Promise<void>;
}

/**
 * A tool that the manager knows by its name. If the process that runs it dies, another starts it again, where
 * that is declared to be safe; otherwise its task ends as `lost`. All processes should know the same tools.
 */
export interface DurableTool<I = never> {
  /** If it is given, that under which the tool stands in `tools`. */
  name?: string | undefined;
  /** Started again, a stream is read to its end, and its last chunk is the result. */
  execute(input: I, context: DurableContext): unknown;
  /** It goes on from its last checkpoint. @default false */
  resumable?: boolean | undefined;
  /** To run it twice has the effect of running it once. @default false */
  idempotent?: boolean | undefined;
  /** Times it is started, the first included. @default 3 */
  attempts?: number | undefined;
  /**
   * How it shows its result to the model, where a call does not say it: see `ToolCall`. Started again, it has none but
   * this one.
   * @default the result as it is; of a call that had a view, its text blocks alone
   */
  view?: ToolView | undefined;
}

/** A function, since a tool may say by which name it stands in `tools`. */
const toolNamed = (name: string) =>
  ({
    name: option(oneOf(name), name),
    execute: needed(func()),
    resumable: option(oneOf(true, false), false),
    idempotent: option(oneOf(true, false), false),
    attempts: option(limit(1), 3),
    view: option(func<ToolView>()),
  }) satisfies Table<DurableTool>;

/** A tool as the manager keeps it. */
export interface KnownTool {
  /** Calls it. The texts that it streams are its output, unless its result is shown in a way of its own. */
  executeFor(call: { hasView: boolean }): ToolExecuteFunction<unknown, unknown>;
  readonly isRestartable: boolean;
  readonly attempts: number;
  readonly view: ToolView | undefined;
}

export const durableTools = kind<Record<string, DurableTool>>(
  "an object with a tool for each name",
  (tools) => typeof tools === "object" && tools !== null && isPlain(tools),
);

/** A host's tools, by name. @throws `invalid_option` */
export function knownTools(tools: Record<string, DurableTool>): Map<string, KnownTool> {
  return new Map(Object.entries(tools).map(([name, tool]) => [name, knownTool(name, tool)]));
}

function knownTool(name: string, tool: DurableTool): KnownTool {
  const where = `tools.${name}`;
  const { resumable, idempotent, attempts, view } = readOptions(toolNamed(name), tool, where, `${where}.`);
  const executeFor: KnownTool["executeFor"] =
    ({ hasView }) =>
    (input, context) => {
      const returned = tool.execute(input as never, context as DurableContext);
      return isStream(returned) ? lastChunkOf(returned, view || hasView ? undefined : context) : returned;
    };
  return { executeFor, isRestartable: resumable || idempotent, attempts, view };
}

/** A promise that only the manager can keep. @throws `invalid_option` where it does not know the tool */
export function checkKnown(tool: Partial<DurableTool>, known: ReadonlyMap<string, KnownTool>): void {
  const { name = "", resumable, idempotent } = tool;
  if (!(resumable || idempotent) || known.has(name)) return;
  const declared = resumable ? "resumable" : "idempotent";
  throw new TaskOffloadError(
    "invalid_option",
    `tool "${name}" is ${declared}, and nobody could start it again: give it to the manager, in its option tools.`,
  );
}

/** As `stream` has it: text chunks are output, unless there is a view, and the last chunk is the result. */
async function lastChunkOf(
  chunks: AsyncIterable<unknown>,
  context: ToolContext | undefined,
): Promise<unknown> {
  let last: unknown;
  for await (const chunk of chunks) {
    if (typeof chunk === "string") context?.write(chunk);
    last = chunk;
  }
  return last;
}
