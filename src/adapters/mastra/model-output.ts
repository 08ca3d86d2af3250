import { isPlaceholder } from "../../core/model/placeholder.ts";
import type { ToolView } from "../../core/model/view.ts";
import { viewOfModelOutput } from "../shared/views.ts";
import type { ToolLike } from "./like.ts";

/** The tool's own conversion for everything but placeholders; where it answers nothing, Mastra has one. */
export function modelOutputOf(tool: ToolLike) {
  const own = ownOf(tool);
  return (output: unknown): unknown =>
    isPlaceholder(output) ? { type: "text", value: output.message } : own?.(output);
}

/** The same of a late result. `undefined`: the tool has no conversion of its own. */
export function viewOf(tool: ToolLike): ToolView | undefined {
  const own = ownOf(tool);
  return own && (async (output) => viewOfModelOutput(await own(output)));
}

function ownOf(tool: ToolLike): ((output: unknown) => unknown) | undefined {
  return tool.toModelOutput?.bind(tool) as ((output: unknown) => unknown) | undefined;
}
