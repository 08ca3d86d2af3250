import { describe, expect, test } from "vitest";
import * as z from "zod";
import manifest from "../../package.json" with { type: "json" };
import { VERSION } from "../../src/core/version.ts";
import { after, copyOf, scope, slowTool } from "./copies.ts";

const own = await copyOf();
const other = await copyOf("9.8.7");

const tasks = new other.BackgroundTaskManager();
const offload = new other.ToolOffloadMiddleware({ tasks, timeoutMs: 10 });
const inbox = new other.followUp.FollowUpInbox({ tasks });
const interrupts = other.openaiAgents.followUpInterrupts({ inbox, scope });

test("the version is that of the package", () => {
  expect(VERSION).toBe(manifest.version);
});

describe("of another version is refused", () => {
  const deliver = () => undefined;
  const tool = { name: "build", inputSchema: z.object({}), execute: () => "built" };
  test.each<[entry: string, option: string, make: () => unknown]>([
    ["the middleware", "tasks", () => new own.ToolOffloadMiddleware({ tasks })],
    ["the dispatcher", "tasks", () => new own.followUp.FollowUpDispatcher({ tasks, deliver })],
    ["the inbox", "tasks", () => new own.followUp.FollowUpInbox({ tasks })],
    ["the control tools", "tasks", () => own.tools.controlTools({ tasks, scope })],
    ["the HTTP handler", "tasks", () => own.http.createTaskHandler({ tasks, authenticate: () => scope })],
    ["withBackgroundArgument", "offload", () => own.tools.withBackgroundArgument(tool, offload)],
    ["AI SDK, offloadTools", "offload", () => own.aiSdk.offloadTools({}, { offload, scope })],
    ["AI SDK, taskTools", "tasks", () => own.aiSdk.taskTools({ tasks, scope })],
    ["AI SDK, followUpInterrupts", "inbox", () => own.aiSdk.followUpInterrupts({ inbox, scope })],
    ["LangChain, a middleware", "offload", () => own.langchain.offloadMiddleware({ offload })],
    ["LangChain, taskTools", "tasks", () => own.langchain.taskTools({ tasks })],
    ["LangChain, followUpInterrupts", "inbox", () => own.langchain.followUpInterrupts({ inbox })],
    ["Mastra, offloadTools", "offload", () => own.mastra.offloadTools({}, { offload })],
    ["Mastra, taskTools", "tasks", () => own.mastra.taskTools({ tasks })],
    [
      "Mastra, followUpInterrupts",
      "inbox",
      () => own.mastra.followUpInterrupts({ inbox, memory: {} as never }),
    ],
    ["OpenAI Agents, offloadTools", "offload", () => own.openaiAgents.offloadTools([], { offload, scope })],
    [
      "OpenAI Agents, offloadingTool",
      "offload",
      () => own.openaiAgents.offloadingTool(() => 1, { offload, scope }),
    ],
    ["OpenAI Agents, taskTools", "tasks", () => own.openaiAgents.taskTools({ tasks, scope })],
    [
      "OpenAI Agents, followUpInterrupts",
      "inbox",
      () => own.openaiAgents.followUpInterrupts({ inbox, scope }),
    ],
    [
      "OpenAI Agents, afterTools",
      "interrupts",
      () => own.openaiAgents.afterTools("run_llm_again", interrupts),
    ],
  ])("what is given to %s", (_, option, make) => {
    expect(make).toThrow(
      expect.objectContaining({
        code: "invalid_option",
        message: expect.stringContaining(`${option} is of tool-offload 9.8.7, and this is ${VERSION}.`),
      }),
    );
  });

  test("and so the other way round", () => {
    const older = new own.BackgroundTaskManager();
    expect(() => new other.ToolOffloadMiddleware({ tasks: older })).toThrow(
      `tasks is of tool-offload ${VERSION}, and this is 9.8.7.`,
    );
  });
});

test("what is kept or shown beyond a process is known of any version", async () => {
  const { slow } = other.aiSdk.offloadTools({ slow: slowTool() }, { offload, scope });
  const output = await (slow.execute as (...given: unknown[]) => unknown)(
    {},
    { toolCallId: "one", messages: [] },
  );
  expect(own.aiSdk.isPlaceholder(output)).toBe(true);
  const { id } = await tasks.start({ toolName: "build", input: {}, scope }, () => after(() => "built"));
  await tasks.wait(scope, [id]);
  const claim = await inbox.claim(scope, { during: "idle" });
  const message = claim && other.aiSdk.toModelMessage(claim);
  expect(own.aiSdk.followUpOf(message as never)).toMatchObject({ tasks: [{ id }] });
  expect(own.TaskOffloadError.isInstance(new other.TaskOffloadError("closed", "It is."))).toBe(true);
  await claim?.acknowledge();
});

describe("what only looks like one of ours harms nobody", () => {
  const signature = Symbol.for("tool-offload.version");
  const manager = new own.BackgroundTaskManager();
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const odd: [what: string, value: unknown][] = [
    ["nothing", undefined],
    ["null", null],
    ["a text", "tasks"],
    ["a function", () => undefined],
    ["an object with our signature", { [signature]: VERSION }],
    ["what has a signature that is no text", { [signature]: { version: VERSION } }],
    ["what inherits from a manager", Object.create(manager)],
    ["what stands before a manager", new Proxy(manager, {})],
    ["a middleware", new own.ToolOffloadMiddleware({ tasks: manager })],
    [
      "an object that throws when it is read",
      {
        get [signature]() {
          throw new Error("No.");
        },
      },
    ],
    ["a revoked proxy", revoked.proxy],
  ];

  test.each(odd)("%s", (_, value) => {
    const given = { tasks: value as never };
    const refused = expect.objectContaining({
      code: "invalid_option",
      message: expect.stringMatching(/^tasks must be a BackgroundTaskManager of tool-offload /),
    });
    expect(() => new own.ToolOffloadMiddleware(given)).toThrow(refused);
    expect(() => new own.followUp.FollowUpInbox(given)).toThrow(refused);
    expect(() => own.tools.controlTools({ ...given, scope })).toThrow(refused);
  });

  test("a version without end is cut", () => {
    const endless = { [signature]: `1.0.0-${"x".repeat(1_000_000)}\nand more` } as never;
    const refusal = () => new own.ToolOffloadMiddleware({ tasks: endless });
    expect(refusal).toThrow(/^tasks is of tool-offload 1\.0\.0-x{10,60}…?, and this is /);
  });

  test("a host's own stand-ins need no signature", () => {
    const run = async () => ({ status: "completed", value: 1 }) as never;
    expect(() => own.mastra.offloadTools({}, { offload: { run } })).not.toThrow();
    const claim = async () => undefined;
    expect(() => own.aiSdk.followUpInterrupts({ inbox: { claim }, scope })).not.toThrow();
  });
});

test("a signature shows nowhere", () => {
  const manager = new own.BackgroundTaskManager();
  expect(Object.getOwnPropertySymbols({ ...manager })).toEqual([]);
  expect(Object.keys(manager)).toEqual([]);
});
