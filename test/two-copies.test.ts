import { generateText, stepCountIs, tool } from "ai";
import { afterEach, describe, expect, test, vi } from "vitest";
import * as z from "zod";
import { scriptedModel } from "./adapters/ai-sdk/model.ts";

/** The library once more, as a bundler does it that bundles two routes apart. */
async function newCopy(version?: string) {
  vi.resetModules();
  if (version !== undefined) {
    vi.doMock("../src/core/version.ts", async (original) => {
      const own = await original<typeof import("../src/core/version.ts")>();
      const mark = Symbol.for("tool-offload.version");
      return {
        ...own,
        VERSION: version,
        checkVersion: () => undefined,
        ofThisVersion: (kind: unknown) => kind,
        markVersion: (object: object) => void Object.defineProperty(object, mark, { value: version }),
      };
    });
  }
  const [root, followUp, tools, http, aiSdk] = await Promise.all([
    import("../src/index.ts"),
    import("../src/follow-up/index.ts"),
    import("../src/tools/index.ts"),
    import("../src/http/index.ts"),
    import("../src/adapters/ai-sdk.ts"),
  ]);
  vi.doUnmock("../src/core/version.ts");
  return { ...root, ...followUp, ...tools, ...http, ...aiSdk };
}

const SCOPE = { userId: "ada", sessionId: "s1" };
const call = { toolName: "search", input: { query: "cats" }, scope: SCOPE };
const slow = () => new Promise<string>((resolve) => setTimeout(resolve, 60, "found"));

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const tasks of open.splice(0)) await tasks.close();
});

async function twoCopies() {
  const [boot, chat] = [await newCopy(), await newCopy()];
  expect(boot.BackgroundTaskManager).not.toBe(chat.BackgroundTaskManager);
  const tasks = new boot.BackgroundTaskManager();
  open.push(tasks);
  return { boot, chat, tasks };
}

describe("two copies of one version", () => {
  test("one offloads, the other delivers", async () => {
    const { boot, chat, tasks } = await twoCopies();
    const offload = new chat.ToolOffloadMiddleware({ tasks, timeoutMs: 5 });
    const outcome = await offload.run(call, slow);
    expect(outcome.status).toBe("offloaded");
    const delivered = vi.fn();
    const dispatcher = new boot.FollowUpDispatcher({ tasks, deliver: delivered }).start();
    await vi.waitFor(() => expect(delivered).toHaveBeenCalledOnce(), 5_000);
    expect(delivered.mock.calls[0]?.[0].message.text).toContain("found");
    await dispatcher.stop();
  });

  test("the inbox and the control tools of the other read what one has started", async () => {
    const { chat, tasks } = await twoCopies();
    const { id } = await tasks.start(call, slow);
    const { task_output } = chat.controlTools({ tasks, scope: SCOPE });
    expect(await task_output.execute({ task_id: id, wait_ms: 5_000 })).toMatchObject({
      found: true,
      outcome: { status: "completed", text: "found" },
    });
    const second = await tasks.start(call, slow);
    await tasks.wait(SCOPE, [second.id]);
    const claim = await new chat.FollowUpInbox({ tasks }).claim(SCOPE, { during: "idle" });
    expect(claim?.followUps.map((followUp) => followUp.id)).toEqual([second.id]);
    expect(await claim?.acknowledge()).toBe(true);
  });

  test("streams and errors pass from one to the other", async () => {
    const { boot, chat, tasks } = await twoCopies();
    const offload = new chat.ToolOffloadMiddleware({ tasks });
    const stream = offload.stream(call, async function* () {
      yield "one ";
      yield "two";
    });
    const chunks: string[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks).toEqual(["one ", "two"]);
    const error = await tasks.get({ userId: "" }, "x").catch((thrown: unknown) => thrown);
    expect(error).not.toBeInstanceOf(chat.TaskOffloadError);
    expect([boot, chat].map((copy) => copy.TaskOffloadError.isInstance(error))).toEqual([true, true]);
  });

  test("HTTP, and tools that one has wrapped and the other recognises", async () => {
    const { boot, chat, tasks } = await twoCopies();
    const handle = chat.createTaskHandler({ tasks, authenticate: () => SCOPE });
    const response = await handle(new Request("http://localhost/background-tasks"));
    expect(response.status).toBe(200);
    const offload = new boot.ToolOffloadMiddleware({ tasks, timeoutMs: 5 });
    const search = tool({ inputSchema: z.object({}), execute: slow });
    const tools = chat.offloadTools({ search }, { offload, scope: SCOPE });
    const model = scriptedModel((shown) =>
      shown.length === 1 ? { calls: [{ id: "call-1", toolName: "search", input: {} }] } : { text: "done" },
    );
    const { steps } = await generateText({ model, tools, prompt: "find cats", stopWhen: stepCountIs(2) });
    const outputs = steps.flatMap(({ toolResults }) => toolResults.map(({ output }) => output));
    expect(outputs.map((output) => boot.isPlaceholder(output))).toEqual([true]);
  });
});

describe("two versions", () => {
  test("are refused at each entry, and both are named", async () => {
    const boot = await newCopy("9.9.9");
    const chat = await newCopy();
    const tasks = new boot.BackgroundTaskManager();
    const offload = new boot.ToolOffloadMiddleware({ tasks });
    open.push(tasks);
    const refused = [
      () => new chat.ToolOffloadMiddleware({ tasks }),
      () => new chat.FollowUpDispatcher({ tasks, deliver() {} }),
      () => new chat.FollowUpInbox({ tasks }),
      () => chat.controlTools({ tasks, scope: SCOPE }),
      () => chat.createTaskHandler({ tasks, authenticate: () => SCOPE }),
      () => chat.offloadTools({}, { offload, scope: SCOPE }),
    ];
    for (const make of refused) {
      expect(make).toThrow(/is of tool-offload 9\.9\.9, and this is 0\.1\.0/);
    }
  });

  test("the version is that of the package", async () => {
    const { VERSION } = await import("../src/core/version.ts");
    const { default: manifest } = await import("../package.json");
    expect(VERSION).toBe(manifest.version);
  });
});
