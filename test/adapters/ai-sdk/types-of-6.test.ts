import {
  createUIMessageStreamResponse,
  dynamicTool,
  generateText,
  hasToolCall,
  type InferToolInput,
  type InferToolOutput,
  type ModelMessage,
  stepCountIs,
  streamText,
  type Tool,
  ToolLoopAgent,
  type ToolSet,
  tool,
  type UIMessage,
} from "ai-6";
import { MockLanguageModelV3 } from "ai-6/test";
import {
  type FollowUpInterrupts,
  type FollowUpModelMessage,
  type FollowUpUIMessage,
  followUpOf,
  type OffloadedTools,
  offloadTools,
  streamTurn,
  type TaskDataParts,
  type TaskPart,
  type TaskPlaceholder,
  type TaskTools,
  unlessOffloaded,
} from "tool-offload/adapters/ai-sdk";
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
  inContext: tool({
    inputSchema: z.object({}),
    execute: (_, { experimental_context }) => experimental_context,
  }),
  without: tool({ inputSchema: z.object({ q: z.string() }), outputSchema: z.number() }),
  dynamic: dynamicTool({ inputSchema: z.object({}), execute: async () => 1 as unknown }),
};
type Wrapped = OffloadedTools<typeof given>;

test("inputs stay as they were, and outputs may be a placeholder", () => {
  expectTypeOf<InferToolInput<Wrapped["add"]>>().toEqualTypeOf<{ a: number }>();
  expectTypeOf<InferToolOutput<Wrapped["add"]>>().toEqualTypeOf<{ sum: number } | TaskPlaceholder>();
  expectTypeOf<InferToolOutput<Wrapped["stream"]>>().toEqualTypeOf<string | TaskPlaceholder>();
});

test("the framework takes all that we make", () => {
  expectTypeOf<Wrapped>().toExtend<ToolSet>();
  expectTypeOf<Wrapped["add"]>().toExtend<Tool>();
  expectTypeOf<TaskTools>().toExtend<ToolSet>();
  expectTypeOf<FollowUpModelMessage>().toExtend<ModelMessage>();
  expectTypeOf<FollowUpUIMessage>().toExtend<UIMessage>();
  expectTypeOf<TaskPart>().toExtend<UIMessage<unknown, TaskDataParts>["parts"][number]>();
});

test("we take all that the framework makes, and it runs what we give back", () => {
  const model = new MockLanguageModelV3();
  const tools = { ...offloadTools(given, quick()), ...({} as TaskTools) };
  const { prepareStep, save } = {} as FollowUpInterrupts;
  const stopWhen = [stepCountIs(3), unlessOffloaded(hasToolCall("add"))];
  const runs = () => [
    generateText({ model, tools, prompt: "Go.", stopWhen, prepareStep }),
    streamText({ model, tools, prompt: "Go.", stopWhen, prepareStep }),
    new ToolLoopAgent({ model, tools, stopWhen, prepareStep }),
    generateText({ model, tools: offloadTools(given as ToolSet, quick()), prompt: "Go." }),
    save([] as ModelMessage[], (messages: ModelMessage[]) => messages.filter(followUpOf)),
  ];
  expect(runs).toBeTypeOf("function");
});

test("a turn streams to a page of one's own messages, and an agent's does", () => {
  type ChatMessage = UIMessage<unknown, TaskDataParts>;
  const written: ChatMessage[][] = [];
  const originalMessages: ChatMessage[] = [];
  const write = ({ messages }: { messages: ChatMessage[] }) => void written.push(messages);
  const model = new MockLanguageModelV3();
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
