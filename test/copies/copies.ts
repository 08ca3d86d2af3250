import { vi } from "vitest";

/**
 * A copy of the library, as a bundler makes one of each route: every module is evaluated anew, and shares with other
 * copies only what they find through `globalThis` and on the objects that they are given.
 *
 * @param version another version than that of the sources
 */
export async function copyOf(version?: string) {
  vi.resetModules();
  if (version === undefined) vi.doUnmock("../../src/core/version.ts");
  else vi.doMock("../../src/core/version.ts", () => ({ VERSION: version }));
  return {
    ...(await import("../../src/index.ts")),
    followUp: await import("../../src/follow-up/index.ts"),
    http: await import("../../src/http/index.ts"),
    tools: await import("../../src/tools/index.ts"),
    aiSdk: await import("../../src/adapters/ai-sdk.ts"),
    langchain: await import("../../src/adapters/langchain.ts"),
    mastra: await import("../../src/adapters/mastra.ts"),
    openaiAgents: await import("../../src/adapters/openai-agents.ts"),
  };
}

export type Copy = Awaited<ReturnType<typeof copyOf>>;

/** Whose tasks they are in these tests. */
export const scope = { userId: "ada", sessionId: "chat-7" };

/** Options of a middleware whose calls are offloaded at once, or joined by equal ones, by the tool's name. */
export const terms = {
  timeoutMs: 60_000,
  tools: { slow: { timeoutMs: 10 }, job: { mode: "always" }, joined: { onDuplicate: "join" } },
} as const;

/** A tool that goes on until it is told what to answer. */
export function slowTool<R = string>() {
  let finish: (result: R) => void = () => undefined;
  const result = new Promise<R>((resolve) => {
    finish = resolve;
  });
  return { execute: () => result, finish: (value: R) => finish(value) };
}

/** Long enough for an equal call to join. */
export function after<R>(answer: () => R): Promise<R> {
  return new Promise((resolve) => setTimeout(resolve, 200)).then(answer);
}
