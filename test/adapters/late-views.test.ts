import {
  BackgroundTaskManager,
  ToolOffloadMiddleware as Middleware,
  type ToolOffloadMiddleware,
} from "tool-offload";
import * as aiSdk from "tool-offload/adapters/ai-sdk";
import * as mastra from "tool-offload/adapters/mastra";
import * as openaiAgents from "tool-offload/adapters/openai-agents";
import { type FollowUpClaim, FollowUpInbox } from "tool-offload/follow-up";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { gate } from "../support/scene.ts";

const scope = { userId: "ada", sessionId: "chat" };
const content = [
  { type: "text", text: "The harbour" },
  { type: "image", data: "iVBORw0KGgo=", mimeType: "image/png" },
];
const png = { type: "media", mediaType: "image/png", data: "iVBORw0KGgo=" };

type Execute = () => Promise<unknown>;
type ToModelOutput = (given: never) => unknown;

/** One slow call of a tool, as each framework makes it. */
const CALLS: Record<
  string,
  (offload: ToolOffloadMiddleware, execute: Execute, own?: ToModelOutput) => unknown
> = {
  "ai-sdk": (offload, execute, toModelOutput) =>
    aiSdk
      .offloadTools({ shoot: { execute: async () => execute(), toModelOutput } }, { offload, scope })
      .shoot.execute({ of: "it" }, { toolCallId: "one", messages: [] }),
  mastra: (offload, execute, toModelOutput) =>
    mastra
      .offloadTools(
        { shoot: { execute: async (_: object, _given: object) => execute(), toModelOutput } },
        { offload, scope },
      )
      .shoot.execute({ of: "it" }, { agent: { toolCallId: "one", resourceId: "ada", threadId: "chat" } }),
  "openai-agents": (offload, execute) => {
    const tool = { type: "function", name: "shoot", invoke: execute, isEnabled: async () => true } as const;
    const [offloaded] = openaiAgents.offloadTools([tool], {
      offload,
      scope,
    }) as openaiAgents.FunctionToolLike[];
    return offloaded?.invoke({ context: {} }, "{}", { toolCall: { callId: "one" } });
  },
};

/** What is told of a call that ends only after it was handed over. */
async function late(adapter: string, value: unknown, toModelOutput?: ToModelOutput): Promise<FollowUpClaim> {
  const tasks = new BackgroundTaskManager({ deliveredElsewhere: true });
  onTestFinished(() => tasks.close({ drainMs: 0 }));
  const slow = gate<unknown>();
  await CALLS[adapter]?.(new Middleware({ tasks, timeoutMs: 10 }), () => slow.promise, toModelOutput);
  slow.resolve(value);
  const [task] = (await tasks.list(scope)).tasks;
  await tasks.wait(scope, [task?.id ?? ""]);
  return (await new FollowUpInbox({ tasks }).claim(scope, { during: "idle" })) as FollowUpClaim;
}

describe.each(["ai-sdk", "mastra"])("toModelOutput of %s", (adapter) => {
  const value = { token: "s3cret" };

  test("makes what is told of a late result", async () => {
    const shows = vi.fn(async () => ({
      type: "content",
      value: [
        { type: "text", text: "The harbour" },
        { type: "image-data", data: png.data, mediaType: "image/png" },
      ],
    }));
    const { message, followUps } = await late(adapter, value, shows);
    const given = { toolCallId: "one", input: { of: "it" }, output: value };
    expect(shows.mock.calls).toEqual([[adapter === "ai-sdk" ? given : value]]);
    expect(followUps[0]?.result).toMatchObject({ value });
    expect(message.media).toEqual([png]);
    expect(message.text).toContain("The harbour\n[image/png, 1 kB]");
    expect(message.text).not.toContain("s3cret");
  });

  test("that throws shows nothing of it", async () => {
    const { message } = await late(adapter, value, () => {
      throw new Error("no");
    });
    expect(message.text).toContain("cannot be shown");
    expect(message.text).not.toContain("s3cret");
  });
});

test.each([undefined, null])("toModelOutput of ai-sdk that answers %s shows nothing", async (nothing) => {
  const { message } = await late("ai-sdk", { token: "s3cret" }, () => nothing);
  expect(message.text).toContain("cannot be shown");
  expect(message.text).not.toContain("s3cret");
});

test.each([
  [{ type: "file", name: "a.txt", size: 3 }],
  [
    [
      { type: "file", name: "a.txt" },
      { type: "file", name: "b.txt" },
    ],
  ],
  [{ type: "image", id: 7, title: "The harbour" }],
])("what only looks structured is told as it is by OpenAI Agents: %j", async (value) => {
  const { message } = await late("openai-agents", value);
  expect(message.text).toContain(JSON.stringify(value));
});

test("structured output of OpenAI Agents is told as what it is, and nothing else is changed", async () => {
  const { message } = await late("openai-agents", content);
  expect(message.media).toEqual([png]);
  expect(message.text).toContain("The harbour\n[image/png, 1 kB]");
  for (const value of [{ pages: 12 }, [content[0], { type: "audio" }], [], "text"]) {
    expect((await late("openai-agents", value)).followUps[0]?.view).toBeUndefined();
  }
});

describe.each(Object.keys(CALLS))("an MCP server's error in %s", (adapter) => {
  test.each([
    ["as the protocol has it", { content: [content[0]], isError: true }],
    ["as the content of a result", Object.assign([...content], { isError: true })],
  ])("%s, fails the task", async (_, value) => {
    const { followUps, message } = await late(adapter, value);
    const error = { code: "tool_error", message: "The harbour" };
    expect(followUps[0]?.result).toEqual({ status: "failed", error });
    expect(message.text).toContain("failed (tool_error)");
  });
});
