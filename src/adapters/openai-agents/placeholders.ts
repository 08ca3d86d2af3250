import { shared } from "../../core/copies.ts";
import type { RunContextLike, ToolResultLike } from "./like.ts";

/** Notes that a call of this run was answered with a placeholder. */
export function rememberPlaceholder(run: RunContextLike, callId: string | undefined, text: string): void {
  const known = PLACEHOLDERS.get(run) ?? new Map<string | undefined, string>();
  PLACEHOLDERS.set(run, known.set(callId, text));
}

/** Whether what a tool answered in this run is a placeholder. */
export function isPlaceholderOf(run: RunContextLike, { output, runItem }: ToolResultLike): boolean {
  const { callId } = runItem.rawItem as { callId?: string };
  const text = PLACEHOLDERS.get(run)?.get(callId);
  return text !== undefined && text === output;
}

/** One copy may have the tools, and another the stop rule. */
const PLACEHOLDERS = shared(
  "openai-agents.placeholders",
  () => new WeakMap<RunContextLike, Map<string | undefined, string>>(),
);
