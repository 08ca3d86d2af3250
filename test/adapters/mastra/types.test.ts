import type { Agent, AgentConfig, ToolsInput } from "@mastra/core/agent";
import type { MastraMemory } from "@mastra/core/memory";
import type { InputProcessor } from "@mastra/core/processors";
import { createTool, type ToolExecutionContext } from "@mastra/core/tools";
import type { Memory } from "@mastra/memory";
import {
  type followUpInterrupts,
  type MemoryLike,
  offloadTools,
  type ProcessorLike,
  type SignalAgentLike,
  type TaskTools,
  type ToolContextLike,
  type toolContext,
} from "tool-offload/adapters/mastra";
import { expectTypeOf, test } from "vitest";
import * as z from "zod";

/** Checked by the compiler: scripts/test-mastra.ts runs it first. */
test("the real framework fits the shapes that the adapter asks for", () => {
  expectTypeOf<Agent>().toExtend<SignalAgentLike>();
  expectTypeOf<Memory>().toExtend<MemoryLike>();
  expectTypeOf<MastraMemory>().toExtend<MemoryLike>();
  expectTypeOf<ToolExecutionContext>().toExtend<ToolContextLike>();
  expectTypeOf<ToolExecutionContext>().toExtend<Parameters<typeof toolContext>[0]>();
});

test("what the adapter makes fits the framework", () => {
  expectTypeOf<TaskTools>().toExtend<ToolsInput>();
  expectTypeOf<ProcessorLike>().toExtend<InputProcessor>();
  expectTypeOf<[ReturnType<typeof followUpInterrupts>]>().toExtend<
    NonNullable<AgentConfig["inputProcessors"]>
  >();
});

test("tools keep their types", () => {
  const add = createTool({
    id: "add",
    description: "Adds.",
    inputSchema: z.object({ a: z.number() }),
    execute: async ({ a }) => ({ sum: a + 1 }),
  });
  const tools = offloadTools({ add }, { offload: { run: () => Promise.reject() } });
  expectTypeOf(tools).toEqualTypeOf<{ add: typeof add }>();
});
