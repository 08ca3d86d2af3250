import type { Message } from "./conversations.ts";
import type { ToolName } from "./tools.ts";

/** What a model answers: a text, or tools to call. */
export type Reply = { text: string } | { calls: { id: string; toolName: ToolName }[] };

/**
 * The model of this example. It is scripted, since none can be asked offline: it calls two tools when the user
 * has said something, and otherwise puts into words what it has read last. Put your model's call in its place.
 */
export async function askModel(model: string, messages: readonly Message[]): Promise<Reply> {
  const last = messages.at(-1);
  if (last?.marker) {
    const news = last.marker.tasks.map(({ toolName, status }) => `${toolName} has ${status}`);
    return { text: `News: ${news.join(", ")}. (${model})` };
  }
  if (last?.role === "tool") return { text: `Both are under way. (${model})` };
  return {
    calls: [
      { id: "call_1", toolName: "test" },
      { id: "call_2", toolName: "build" },
    ],
  };
}
