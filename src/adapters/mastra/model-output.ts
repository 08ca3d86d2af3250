import { isPlaceholder } from "../../core/model/placeholder.ts";
import type { ToolLike } from "./like.ts";

/** The tool's own conversion for everything but placeholders; where it answers nothing, Mastra has one. */
export function modelOutputOf(tool: ToolLike) {
  const own = tool.toModelOutput?.bind(tool) as ((output: unknown) => unknown) | undefined;
  return (output: unknown): unknown =>
    isPlaceholder(output) ? { type: "text", value: output.message } : own?.(output);
}
