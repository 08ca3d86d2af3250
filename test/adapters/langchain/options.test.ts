import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
import { offloadMiddleware, taskTools } from "tool-offload/adapters/langchain";
import { afterAll, describe, expect, test } from "vitest";

const tasks = new BackgroundTaskManager();
const offload = new ToolOffloadMiddleware({ tasks });
afterAll(() => tasks.close());

describe("options that cannot be meant", () => {
  test.each([
    [undefined, "options must be an object; got undefined."],
    [null, "options must be an object; got null."],
    [{}, "offload must be a ToolOffloadMiddleware; got undefined."],
    [{ offload: tasks }, "offload must be a ToolOffloadMiddleware; got an object."],
    [{ offload, tools: [] }, "tools is not an option; there are offload, scope, metadata."],
    [{ offload, scope: "ada" }, 'scope must be an object with a userId; got "ada".'],
    [{ offload, scope: null }, "scope must be an object with a userId; got null."],
    [{ offload, scope: { userId: "" } }, 'scope.userId must be a non-empty string; got "".'],
    [{ offload, metadata: 7 }, "metadata must be an object or a function; got 7."],
  ])("of the middleware: %o", (options, message) => {
    expect(() => offloadMiddleware(options as never)).toThrow(
      expect.objectContaining({ code: "invalid_option", message }),
    );
  });

  test.each([
    [undefined, "options must be an object; got undefined."],
    [{ tasks, scopes: 1 }, "scopes is not an option; there are tasks, scope, maxWaitMs, maxChars."],
    [{ tasks, scope: 1 }, "scope must be an object with a userId; got 1."],
    [{ tasks, scope: { userId: "" } }, 'scope.userId must be a non-empty string; got "".'],
    [{ tasks, maxWaitMs: -1 }, "maxWaitMs must be a whole number from 0 on; got -1."],
    [{ tasks: {} }, undefined],
  ])("of the tools: %o", (options, message) => {
    const expected = { code: "invalid_option", ...(message && { message }) };
    expect(() => taskTools(options as never)).toThrow(expect.objectContaining(expected));
  });
});
