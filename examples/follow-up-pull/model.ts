import type { Call, Message } from "./agent.ts";

/** What a model answers: a text, or tools to call. */
export type Reply = { text: string } | { calls: Call[] };

const FILES = Array.from({ length: 20 }, (_, index) => `file-${index + 1}.ts`);

/**
 * The model of this example. It is scripted, since none can be asked offline: it starts two slow tools and then
 * reviews twenty files, one at each step, unless it reads on the way that something has failed.
 */
export function askModel(messages: readonly Message[]): Reply {
  const { role, marker } = messages.at(-1) ?? {};
  const failure = marker?.tasks.find(({ status }) => status === "failed");
  if (failure) return { text: `I stop here: ${failure.toolName} has failed.` };
  const told = messages.flatMap((message) => message.marker?.tasks ?? []);
  const reviewed = messages.filter(({ toolName }) => toolName === "review").length;
  if (role === "user" && reviewed > 0) {
    return {
      text: `I know this: ${told.map(({ toolName, status }) => `${toolName} has ${status}`).join(", ")}.`,
    };
  }
  if (role === "user")
    return { calls: ["deploy", "audit"].map((toolName) => ({ toolName, target: "shop" }) as Call) };
  const target = FILES[reviewed];
  return target === undefined ? { text: "All is reviewed." } : { calls: [{ toolName: "review", target }] };
}
