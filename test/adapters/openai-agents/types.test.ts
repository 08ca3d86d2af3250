import {
  Agent,
  type AgentInputItem,
  type FunctionTool,
  type FunctionToolResult,
  tool as plainTool,
  type RunContext,
  type RunState,
  type Session,
  type SessionHistoryTransactionAwareSession,
  type Tool,
  type ToolUseBehavior,
  webSearchTool,
} from "@openai/agents";
import type {
  AgentLike,
  CallDetailsLike,
  FollowUpItem,
  FunctionToolLike,
  RunContextLike,
  RunStateLike,
  SessionLike,
  ToolLike,
  ToolResultLike,
} from "tool-offload/adapters/openai-agents";
import {
  afterTools,
  offloadingTool,
  offloadTools,
  taskTools,
  toInput,
} from "tool-offload/adapters/openai-agents";
import { expectTypeOf, test } from "vitest";
import * as z from "zod";
import { open, scope, toolFor } from "./stage.ts";

interface Context {
  userId: string;
}

test("the framework's own things have the shapes", () => {
  expectTypeOf<Tool<Context>>().toExtend<ToolLike>();
  expectTypeOf<FunctionTool<Context>>().toExtend<FunctionToolLike>();
  expectTypeOf<RunContext<Context>>().toExtend<RunContextLike>();
  expectTypeOf<Parameters<FunctionTool["invoke"]>[2] & object>().toExtend<CallDetailsLike>();
  expectTypeOf<Agent<Context>>().toExtend<AgentLike>();
  expectTypeOf<FunctionToolResult>().toExtend<ToolResultLike>();
  expectTypeOf<RunState<Context, Agent<Context>>>().toExtend<RunStateLike>();
  expectTypeOf<Session>().toExtend<SessionLike>();
  expectTypeOf<SessionHistoryTransactionAwareSession>().toExtend<SessionLike>();
});

test("what is made here is what the framework takes", () => {
  expectTypeOf<FollowUpItem>().toExtend<AgentInputItem>();
  expectTypeOf(toInput).returns.toExtend<AgentInputItem[]>();
  expectTypeOf(taskTools).returns.toExtend<Tool<Context>[]>();
  expectTypeOf(afterTools()).toExtend<ToolUseBehavior>();
  expectTypeOf(afterTools("stop_on_first_tool")).toExtend<ToolUseBehavior>();
  expectTypeOf(afterTools({ stopAtToolNames: ["x"] })).toExtend<ToolUseBehavior>();
});

test("tools keep their types", () => {
  const { offload } = open();
  const scopeOf = ({ userId }: Context) => ({ userId });
  const add = plainTool({
    name: "add",
    description: "Adds.",
    parameters: z.object({ a: z.number() }),
    execute: ({ a }) => a,
  });
  expectTypeOf(offloadTools([add], { offload, scope: scopeOf })).toEqualTypeOf<(typeof add)[]>();
  const mixed = offloadTools([add, webSearchTool()], { offload, scope });
  expectTypeOf(new Agent<Context>({ name: "x", tools: mixed })).toExtend<Agent<Context>>();

  const tool = offloadingTool(plainTool, { offload, scope: scopeOf });
  expectTypeOf(tool).toEqualTypeOf<typeof plainTool>();
  tool({
    name: "greet",
    description: "Greets.",
    parameters: z.object({ name: z.string() }),
    execute: ({ name }) => {
      expectTypeOf(name).toEqualTypeOf<string>();
      return name;
    },
  });
});

test("what is wrong is seen by the compiler", () => {
  const { offload } = open();
  const run = () => {
    // @ts-expect-error: no scope
    offloadTools([toolFor("x", () => 1)], { offload });
    // @ts-expect-error: the context is unknown until somebody says what it is
    offloadTools([toolFor("x", () => 1)], { offload, scope: ({ userId }) => ({ userId }) });
    // @ts-expect-error: no rule
    afterTools("stop");
  };
  expectTypeOf(run).toBeFunction();
});
