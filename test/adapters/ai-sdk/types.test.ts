import {
  createUIMessageStreamResponse,
  dynamicTool,
  generateText,
  hasToolCall,
  type InferToolInput,
  type InferToolOutput,
  type InferUITools,
  isStepCount,
  type ModelMessage,
  streamText,
  type Tool,
  ToolLoopAgent,
  type ToolSet,
  tool,
  type UIMessage,
} from "ai";
import { MockLanguageModelV4 } from "ai/test";
import {
  type FollowUpInterrupts,
  type FollowUpModelMessage,
  type FollowUpUIMessage,
  type OffloadedTools,
  offloadTools,
  streamTurn,
  type TaskDataParts,
  type TaskPart,
  type TaskPlaceholder,
  type TaskTools,
  type toModelMessage,
  unlessOffloaded,
} from "tool-offload/adapters/ai-sdk";
import type { Delivery, FollowUpClaim } from "tool-offload/follow-up";
import { expect, expectTypeOf, test } from "vitest";
import * as z from "zod";
import { quick } from "./lab.ts";

const given = {
  add: tool({
    description: "Adds.",
    inputSchema: z.object({ a: z.number() }),
    execute: async ({ a }) => ({ sum: a + 1 }),
    toModelOutput: ({ output }) => ({ type: "text", value: `${output.sum}` }),
  }),
  stream: tool({
    inputSchema: z.object({ to: z.number() }),
    async *execute({ to }) {
      yield `${to}`;
    },
  }),
  checked: tool({
    inputSchema: z.object({}),
    outputSchema: z.object({ n: z.number() }),
    execute: () => ({ n: 1 }),
  }),
  inContext: tool({
    inputSchema: z.object({}),
    contextSchema: z.object({ chat: z.string() }),
    execute: (_, { context }) => context.chat,
  }),
  without: tool({ inputSchema: z.object({ q: z.string() }), outputSchema: z.number() }),
  dynamic: dynamicTool({ inputSchema: z.object({}), execute: async () => 1 as unknown }),
};
type Given = typeof given;
type Wrapped = OffloadedTools<Given>;
type Output<Name extends keyof Wrapped> = InferToolOutput<Wrapped[Name]>;

test("inputs stay as they were, and outputs may be a placeholder", () => {
  expectTypeOf<InferToolInput<Wrapped["add"]>>().toEqualTypeOf<{ a: number }>();
  expectTypeOf<InferToolInput<Wrapped["stream"]>>().toEqualTypeOf<{ to: number }>();
  expectTypeOf<Output<"add">>().toEqualTypeOf<{ sum: number } | TaskPlaceholder>();
  expectTypeOf<Output<"stream">>().toEqualTypeOf<string | TaskPlaceholder>();
  expectTypeOf<Output<"checked">>().toEqualTypeOf<{ n: number } | TaskPlaceholder>();
  expectTypeOf<Output<"inContext">>().toEqualTypeOf<string | TaskPlaceholder>();
  expectTypeOf<InferToolInput<Wrapped["without"]>>().toEqualTypeOf<{ q: string }>();
  // Of such a type is also a tool with an execute.
  expectTypeOf<Output<"without">>().toEqualTypeOf<number | TaskPlaceholder>();
  expectTypeOf<Output<"dynamic">>().toEqualTypeOf<unknown>();
  expectTypeOf<InferUITools<Wrapped>["add"]>().toEqualTypeOf<{
    input: { a: number };
    output: { sum: number } | TaskPlaceholder;
  }>();
});

test("the framework takes all that we make", () => {
  expectTypeOf<Wrapped>().toExtend<ToolSet>();
  expectTypeOf<Wrapped["add"]>().toExtend<Tool>();
  expectTypeOf<TaskTools>().toExtend<ToolSet>();
  expectTypeOf<FollowUpModelMessage>().toExtend<ModelMessage>();
  expectTypeOf<FollowUpUIMessage>().toExtend<UIMessage>();
  expectTypeOf<TaskPart>().toExtend<UIMessage<unknown, TaskDataParts>["parts"][number]>();
  expectTypeOf<Delivery>().toExtend<Parameters<typeof toModelMessage>[0]>();
  expectTypeOf<FollowUpClaim>().toExtend<Parameters<typeof toModelMessage>[0]>();
});

test("we take all that the framework makes, and it runs what we give back", () => {
  const model = new MockLanguageModelV4();
  const { add, stream } = offloadTools(given, quick());
  const tools = { add, stream, ...({} as TaskTools) };
  const { prepareStep } = {} as FollowUpInterrupts;
  const stopWhen = [isStepCount(3), unlessOffloaded(hasToolCall("add"))];
  const runs = () => [
    generateText({ model, tools, prompt: "Go.", stopWhen, prepareStep }),
    streamText({ model, tools, prompt: "Go.", stopWhen, prepareStep }),
    new ToolLoopAgent({ model, tools, stopWhen, prepareStep }),
    generateText({
      model,
      tools: offloadTools(given, quick()),
      toolsContext: { inContext: { chat: "chat-7" } },
      prompt: "Go.",
    }),
    generateText({ model, tools: offloadTools(given as ToolSet, quick()), prompt: "Go." }),
  ];
  expect(runs).toBeTypeOf("function");
  expect(() => offloadTools({ add: 1 } as never, quick())).toThrow();
});

test("a turn streams to a page of one's own messages, and an agent's does", () => {
  type ChatMessage = UIMessage<unknown, TaskDataParts>;
  const written: ChatMessage[][] = [];
  const originalMessages: ChatMessage[] = [];
  const write = ({ messages }: { messages: ChatMessage[] }) => void written.push(messages);
  const model = new MockLanguageModelV4();
  const runs = async () => [
    streamTurn(streamText({ model, prompt: "Go." }), { write, originalMessages, sendSources: true }),
    streamTurn(await new ToolLoopAgent({ model }).stream({ prompt: "Go." }), {
      write: ({ responseMessage }) => responseMessage.parts,
    }),
    // @ts-expect-error It goes by the finish.
    streamTurn(streamText({ model, prompt: "Go." }), { write, sendFinish: false }),
  ];
  const response = async () => (await runs()).map(({ stream }) => createUIMessageStreamResponse({ stream }));
  expect(response).toBeTypeOf("function");
});
