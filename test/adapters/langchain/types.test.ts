import type { BaseCheckpointSaver } from "@langchain/langgraph";
import {
  type AgentMiddleware,
  type BaseMessage,
  createAgent,
  fakeModel,
  type Runtime,
  type ToolRuntime,
} from "langchain";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
import {
  followUpInterrupts,
  type LateResults,
  type MessageLike,
  offloadMiddleware,
  type RuntimeLike,
  taskTools,
  type toInput,
} from "tool-offload/adapters/langchain";
import { type Delivery, type FollowUpClaim, FollowUpInbox } from "tool-offload/follow-up";
import { afterAll, expectTypeOf, test } from "vitest";
import type { CheckpointerLike } from "../../../src/adapters/langchain/like.ts";

const tasks = new BackgroundTaskManager();
const offload = new ToolOffloadMiddleware({ tasks });
const inbox = new FollowUpInbox({ tasks });
afterAll(() => tasks.close());

test("the library's own types fit", () => {
  expectTypeOf<Runtime>().toExtend<RuntimeLike>();
  expectTypeOf<ToolRuntime>().toExtend<RuntimeLike>();
  expectTypeOf<BaseMessage>().toExtend<MessageLike>();
  expectTypeOf<BaseCheckpointSaver>().toExtend<CheckpointerLike>();
  expectTypeOf<Delivery>().toExtend<LateResults>();
  expectTypeOf<FollowUpClaim>().toExtend<LateResults>();
  expectTypeOf(offloadMiddleware).returns.toExtend<AgentMiddleware>();
  expectTypeOf(followUpInterrupts).returns.toExtend<AgentMiddleware>();
  const middleware = [offloadMiddleware({ offload }), followUpInterrupts({ inbox })];
  const agent = createAgent({ model: fakeModel(), tools: taskTools({ tasks }), middleware });
  type Answer = Awaited<ReturnType<typeof agent.invoke>>;
  expectTypeOf<Answer["messages"]>().toEqualTypeOf<BaseMessage[]>();
  type Input = Parameters<typeof agent.invoke>[0];
  expectTypeOf<ReturnType<typeof toInput>>().toExtend<Input>();
});
