import { BackgroundTaskManager, type MiddlewareOptions, ToolOffloadMiddleware } from "tool-offload";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

const tasks = new BackgroundTaskManager();
const scope = { userId: "ada" };
const emitWarning = vi.spyOn(globalThis.process, "emitWarning");
beforeEach(() => void emitWarning.mockReset().mockImplementation(() => undefined));
afterEach(() => void vi.unstubAllGlobals());

/** A middleware, and a call of a tool by its name. */
function offloadWith(tools: MiddlewareOptions["tools"]) {
  const offload = new ToolOffloadMiddleware({ tasks, tools });
  return (toolName: string) => offload.run({ toolName, input: {}, scope }, () => 3);
}

const told = () => emitWarning.mock.calls.map(([message]) => message);

describe("a tool whose name is nearly one that has options", () => {
  test.each(["webSearch", "WebSearch", "Web-Search", "web.search", "web search", "WEB_SEARCH"])(
    "%s is warned of",
    async (name) => {
      const call = offloadWith({ web_search: { timeoutMs: 5 } });
      await call(name);
      expect(emitWarning.mock.calls).toEqual([
        [
          `The tool "${name}" has no options, though "web_search" has.`,
          expect.objectContaining({ type: "ToolOffloadWarning", detail: expect.stringContaining("spell") }),
        ],
      ]);
    },
  );

  test("is warned of once, and each of its kind", async () => {
    const call = offloadWith({ web_search: {} });
    for (const name of ["webSearch", "webSearch", "Web-Search", "webSearch"]) await call(name);
    expect(told()).toEqual([expect.stringContaining('"webSearch"'), expect.stringContaining('"Web-Search"')]);
  });

  test("runs as one without options", async () => {
    expect(await offloadWith({ web_search: { mode: "always" } })("webSearch")).toMatchObject({ value: 3 });
  });

  test("is warned of where it streams too", async () => {
    const offload = new ToolOffloadMiddleware({ tasks, tools: { web_search: {} } });
    const chunks = async function* () {
      yield 1;
    };
    for await (const _ of offload.stream({ toolName: "webSearch", input: {}, scope }, chunks));
    expect(told()).toHaveLength(1);
  });

  test("is no fault where there is no process to warn", async () => {
    const call = offloadWith({ web_search: {} });
    vi.stubGlobal("process", undefined);
    expect(await call("webSearch")).toMatchObject({ value: 3 });
  });
});

test.each(["web_search", "web", "websearches", "constructor", "__proto__"])("%s is not", async (name) => {
  await offloadWith({ web_search: {}, other: {} })(name);
  expect(told()).toEqual([]);
});

test("two that both have options are not", async () => {
  const call = offloadWith({ web_search: {}, webSearch: {} });
  for (const name of ["web_search", "webSearch"]) await call(name);
  expect(told()).toEqual([]);
});

test("however many names are made up, no more than so many are kept", async () => {
  const call = offloadWith({ web_search: {} });
  for (let count = 0; count < 10_001; count += 1) await call(`made-up-${count}`);
  await call("webSearch");
  expect(told()).toEqual([]);
});
