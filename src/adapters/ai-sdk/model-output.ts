import { isPlaceholder } from "../../core/model/placeholder.ts";
import type { ResultView, ToolView } from "../../core/model/view.ts";
import { viewOfModelOutput } from "../shared/views.ts";
import type { ModelOutputLike, ModelOutputOptions, ToolLike } from "./like.ts";

/** The tool's own conversion, or the framework's, for everything but placeholders. */
export function modelOutputOf(tool: ToolLike) {
  const own = tool.toModelOutput as ToModelOutput | undefined;
  return (options: ModelOutputOptions): ModelOutputLike => {
    const { output } = options;
    if (isPlaceholder(output)) return { type: "text", value: output.message };
    return own === undefined ? usualOutput(output) : own.call(tool, options);
  };
}

/** The same of a late result. `undefined`: the tool has no conversion of its own. */
export function viewOf(tool: ToolLike, call: Omit<ModelOutputOptions, "output">): ToolView | undefined {
  const own = tool.toModelOutput as ToModelOutput | undefined;
  return own && (async (output) => shown(viewOfModelOutput(await own.call(tool, { ...call, output }))));
}

/** In time the framework shows nothing either, and its model fails. */
function shown(view: ResultView | undefined): ResultView {
  if (view !== undefined) return view;
  throw new TypeError("toModelOutput has answered nothing.");
}

type ToModelOutput = (options: ModelOutputOptions) => ModelOutputLike;

/** As the framework does it for a tool that says nothing. */
function usualOutput(output: unknown): ModelOutputLike {
  if (typeof output === "string") return { type: "text", value: output };
  const json = JSON.stringify(output);
  return { type: "json", value: json === undefined ? null : JSON.parse(json) };
}
