import { TaskOffloadError } from "../../core/errors.ts";
import type { ToolContext } from "../../core/model/call.ts";
import { ofTool } from "../../core/model/placeholder.ts";
import { metadataFor } from "../shared/options.ts";
import { outputOf } from "../shared/placeholder.ts";
import { CONTEXT, withSignal } from "../shared/tool-context.ts";
import type { AgentContextLike, ToolContextLike, ToolLike } from "./like.ts";
import { viewOf } from "./model-output.ts";
import type { OffloadToolsOptions } from "./options.ts";
import { scopeOf } from "./scope.ts";

/** A call that no agent makes, or that Mastra has put in the background, runs as it is. */
export function executeOf(
  toolName: string,
  tool: ToolLike,
  { offload, scope, metadata }: OffloadToolsOptions,
): Execute {
  const execute = tool.execute?.bind(tool) as Execute;
  const view = viewOf(tool);
  return async (input, context) => {
    const toolCallId = context?.agent?.toolCallId || context?.toolCallId;
    if (!isOfAgent(context) || context.agent?.isBackgroundTask) return ofTool(await execute(input, context));
    const call = {
      toolName,
      input,
      toolCallId,
      signal: context.abortSignal,
      scope: scopeOf(scope, context),
      metadata: metadataFor(metadata, context),
      view,
    };
    return outputOf(await offload.run(call, (given, own) => execute(given, ownContext(context, own))));
  };
}

/** Some providers give a call an empty id. */
function isOfAgent(context: ToolContextLike | undefined): context is ToolContextLike {
  return (context?.agent?.toolCallId ?? context?.toolCallId) !== undefined;
}

type Execute = (input: unknown, context: ToolContextLike) => unknown;

/**
 * The very object that Mastra has made for this call: it knows by it that the input was parsed, and parses that of
 * a copy once more.
 */
function ownContext(context: ToolContextLike, own: ToolContext): ToolContextLike {
  const { agent } = context;
  if (agent?.suspend) agent.suspend = ownSuspend(agent, own);
  return withSignal(Object.assign(context, { [CONTEXT]: own }), "abortSignal", own);
}

/** The turn that would be suspended has gone on, and Mastra would note in its history that it has not. */
function ownSuspend({ suspend }: AgentContextLike, own: ToolContext) {
  return async (...given: never) => {
    if (own.taskId === null) return suspend?.(...given);
    const fault = "suspend has no turn to suspend: the call goes on in the background.";
    throw new TaskOffloadError("not_supported", fault);
  };
}
