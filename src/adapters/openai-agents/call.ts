import type { ToolContext } from "../../core/model/call.ts";
import { metadataFor, scopeFor } from "../shared/options.ts";
import { isForTheModel, noting } from "../shared/refusals.ts";
import { CONTEXT, withSignal } from "../shared/tool-context.ts";
import { viewOfBlocks } from "../shared/views.ts";
import type { CallDetailsLike, RunContextLike } from "./like.ts";
import type { OffloadToolsOptions } from "./options.ts";
import { rememberPlaceholder } from "./placeholders.ts";

/** One call of a tool, before it is raced. */
export interface Call {
  toolName: string;
  input: unknown;
  runContext: RunContextLike;
  details: CallDetailsLike | undefined;
}

/** Races a call. What the tool throws comes through, and what stands for its result is text. */
export async function raceCall(
  { offload, scope, metadata }: OffloadToolsOptions,
  { toolName, input, runContext, details }: Call,
  execute: (details: CallDetailsLike) => unknown,
): Promise<unknown> {
  const toolCallId = details?.toolCall?.callId;
  const call = {
    toolName,
    input,
    toolCallId,
    signal: details?.signal,
    scope: scopeFor(scope, runContext?.context),
    metadata: metadataFor(metadata, runContext?.context),
    view: viewOf,
  };
  try {
    const outcome = await offload.run(call, (_input, context) =>
      noting(context, () => execute(ownDetails(details, context))),
    );
    if (outcome.status === "completed") return outcome.value;
    rememberPlaceholder(runContext, toolCallId, outcome.message);
    return outcome.message;
  } catch (error) {
    if (isForTheModel(error)) return error.message;
    throw error;
  }
}

/** The framework shows texts, images and files as what they are, where there is nothing else; all else as text. */
function viewOf(output: unknown) {
  const items = [output].flat();
  return items.length > 0 && items.every(isStructured) ? viewOfBlocks(items) : undefined;
}

function isStructured(item: unknown): boolean {
  const { type, text, image, imageUrl, data, file, fileData, fileUrl, fileId } = (item ?? {}) as Item;
  if (type === "text") return typeof text === "string";
  const sources = type === "image" ? [image, imageUrl, data, fileId] : [file, fileData, fileUrl, fileId];
  return (type === "image" || type === "file") && sources.some(isSource);
}

type Item = Readonly<Record<string, unknown>>;

function isSource(value: unknown): boolean {
  return typeof value === "string" ? value !== "" : typeof value === "object" && value !== null;
}

/** A program that the model has written waits for a value, and could do nothing with a placeholder. */
export function isFromProgram(details: CallDetailsLike | undefined): boolean {
  return details?.toolCall?.caller?.type === "program";
}

/** The framework's details, what it hides in them included, with the tool's own context and signal. */
function ownDetails(details: CallDetailsLike | undefined, context: ToolContext): CallDetailsLike {
  const own = Object.create(Object.prototype, Object.getOwnPropertyDescriptors(details ?? {}));
  return withSignal(Object.assign(own, { [CONTEXT]: context }), "signal", context);
}
