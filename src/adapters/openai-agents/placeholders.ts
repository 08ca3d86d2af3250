import type { RunContextLike, ToolResultLike } from "./like.ts";

/** Notes that a call of this run was answered with a placeholder. */
export function rememberPlaceholder(run: RunContextLike, callId: string | undefined, text: string): void {
  const known = placeholders().get(run) ?? new Map<string | undefined, string>();
  placeholders().set(run, known.set(callId, text));
}

/** Whether what a tool answered in this run is a placeholder. */
export function isPlaceholderOf(run: RunContextLike, { output, runItem }: ToolResultLike): boolean {
  const { callId } = runItem.rawItem as { callId?: string };
  const text = placeholders().get(run)?.get(callId);
  return text !== undefined && text === output;
}

type Placeholders = WeakMap<RunContextLike, Map<string | undefined, string>>;

const SHARED = Symbol.for("tool-offload.openai-agents.placeholders");

/** Shared by all copies of the library in this process: one may wrap the tools, another hold the rules. */
function placeholders(): Placeholders {
  const shared = globalThis as { [SHARED]?: Placeholders };
  shared[SHARED] ??= new WeakMap();
  return shared[SHARED];
}
