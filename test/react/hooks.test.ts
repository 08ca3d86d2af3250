// @vitest-environment happy-dom
import { act, cleanup, renderHook, waitFor } from "@testing-library/react";
import { createElement, type ReactNode, StrictMode } from "react";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createTaskClient, type TaskClient } from "../../src/client/index.ts";
import { createTaskHandler } from "../../src/http/index.ts";
import { BackgroundTaskManager, type ToolContext } from "../../src/index.ts";
import { TaskClientProvider, useBackgroundTask, useBackgroundTasks } from "../../src/react/index.ts";

const ADA = { userId: "ada", sessionId: "chat" };

let tasks: BackgroundTaskManager;
let client: TaskClient;
/** Requests that have been sent, by their path. */
let asked: string[];
let isSignedIn: boolean;

beforeEach(() => {
  tasks = new BackgroundTaskManager();
  asked = [];
  isSignedIn = true;
  const handle = createTaskHandler({
    tasks,
    authenticate: () => (isSignedIn ? { userId: "ada" } : null),
    allowCancel: true,
  });
  client = createTaskClient({
    baseUrl: "http://localhost/background-tasks",
    whenHidden: "keep",
    fetch: async (url, init) => {
      asked.push(new URL(url).pathname.replace("/background-tasks", ""));
      return handle(new Request(url, init as RequestInit));
    },
  });
});
afterEach(async () => {
  cleanup();
  await tasks.close({ drainMs: 0 });
});

const wrapper = ({ children }: { children: ReactNode }) =>
  createElement(StrictMode, null, createElement(TaskClientProvider, { client, children }));

interface Told {
  id: string;
  context: ToolContext;
  finish(value: unknown): void;
}

async function begin(toolName: string, scope = ADA): Promise<Told> {
  let finish: (value: unknown) => void = () => undefined;
  const running = new Promise<ToolContext>((resolve, reject) => {
    tasks
      .start({ toolName, input: {}, scope }, (_input, context) => {
        resolve(context);
        return new Promise((end, fail) => {
          finish = end;
          context.signal.addEventListener("abort", () => fail(context.signal.reason));
        });
      })
      .catch(reject);
  });
  const context = await running;
  return { id: context.taskId ?? "", context, finish: (value) => finish(value) };
}

/** For as long as a machine may stand still that others load too. */
function seen(check: () => void): Promise<void> {
  return waitFor(check, { timeout: 15_000 });
}

describe("useBackgroundTasks", () => {
  test("shows the tasks of a user as they change, and those of a session", async () => {
    const build = await begin("build");
    await begin("deploy", { userId: "ada", sessionId: "other" });
    const all = renderHook(() => useBackgroundTasks(), { wrapper });
    const some = renderHook(() => useBackgroundTasks({ sessionId: "chat", status: "running" }), { wrapper });
    expect(all.result.current).toMatchObject({ tasks: [], status: "loading" });
    await seen(() => expect(all.result.current.tasks).toHaveLength(2));
    await seen(() => expect(some.result.current.tasks.map(({ toolName }) => toolName)).toEqual(["build"]));
    expect(all.result.current.status).toBe("live");
    build.finish("done");
    await seen(() => expect(some.result.current.tasks).toEqual([]));
    expect(all.result.current.tasks.map(({ status }) => status).toSorted()).toEqual(["completed", "running"]);
  });

  test("follows once, however many ask, and in StrictMode too; nobody's is left", async () => {
    const first = renderHook(() => [useBackgroundTasks(), useBackgroundTasks({ status: "failed" })], {
      wrapper,
    });
    const second = renderHook(() => useBackgroundTasks(), { wrapper });
    await seen(() => expect(first.result.current[0]?.status).toBe("live"));
    expect(asked).toEqual(["/stream"]);
    first.unmount();
    second.unmount();
    await new Promise((resolve) => setTimeout(resolve, 0));
    await begin("after");
    const third = renderHook(() => useBackgroundTasks(), { wrapper });
    await seen(() => expect(third.result.current.tasks).toHaveLength(1));
    expect(asked).toEqual(["/stream", "/stream"]);
  });

  test("draws nothing anew where nothing that it shows has changed", async () => {
    const build = await begin("build");
    let draws = 0;
    const count = () => {
      draws += 1;
      return useBackgroundTasks({ status: "failed" });
    };
    const all = renderHook(() => useBackgroundTasks(), { wrapper });
    const failed = renderHook(count, { wrapper });
    await seen(() => expect(failed.result.current.status).toBe("live"));
    const before = { draws, state: failed.result.current };
    build.context.report({ value: 1, total: 2 });
    await seen(() => expect(all.result.current.tasks[0]?.progress).toEqual({ value: 1, total: 2 }));
    expect(draws).toBe(before.draws);
    failed.rerender();
    expect(failed.result.current).toBe(before.state);
  });

  test("asks for nothing while it is not enabled", async () => {
    const { result, rerender } = renderHook(({ enabled }) => useBackgroundTasks({ enabled }), {
      wrapper,
      initialProps: { enabled: false },
    });
    expect(result.current).toMatchObject({ tasks: [], status: "idle" });
    expect(asked).toEqual([]);
    rerender({ enabled: true });
    await seen(() => expect(result.current.status).toBe("live"));
  });

  test("says that its user is signed out, and begins anew when it is told to", async () => {
    isSignedIn = false;
    const { result } = renderHook(() => useBackgroundTasks(), { wrapper });
    await seen(() => expect(result.current.status).toBe("signed_out"));
    expect(result.current.error).toMatchObject({ code: "signed_out" });
    isSignedIn = true;
    act(() => result.current.retry());
    await seen(() => expect(result.current).toMatchObject({ status: "live", error: undefined }));
  });

  test("names the provider where there is none", () => {
    expect(() => renderHook(() => useBackgroundTasks())).toThrow(
      "There is no TaskClientProvider above this component.",
    );
  });
});

describe("useBackgroundTask", () => {
  test("shows a task with its progress, its output and its result", async () => {
    const build = await begin("build");
    const { result } = renderHook(() => useBackgroundTask(build.id), { wrapper });
    await seen(() => expect(result.current.status).toBe("live"));
    build.context.write("one\n");
    build.context.report({ value: 1 });
    await seen(() =>
      expect(result.current).toMatchObject({ output: "one\n", task: { progress: { value: 1 } } }),
    );
    build.context.write("two\n");
    build.finish({ image: "api" });
    await seen(() =>
      expect(result.current.result).toMatchObject({ status: "completed", value: { image: "api" } }),
    );
    expect(result.current).toMatchObject({
      output: "one\ntwo\n",
      truncated: false,
      task: { status: "completed" },
    });
  });

  test("keeps the end of a long output, and says so", async () => {
    const build = await begin("build");
    const { result } = renderHook(() => useBackgroundTask(build.id), { wrapper });
    await seen(() => expect(result.current.status).toBe("live"));
    for (const part of ["a", "b", "c", "d"]) {
      build.context.write(part.repeat(100_000));
      await seen(() => expect(result.current.output.at(-1)).toBe(part));
    }
    expect(result.current.output).toHaveLength(262_144);
    expect(result.current.truncated).toBe(true);
  });

  test("stops it, follows another, and nobody's", async () => {
    const [build, deploy] = [await begin("build"), await begin("deploy")];
    const { result, rerender } = renderHook(({ id }: { id: string | undefined }) => useBackgroundTask(id), {
      wrapper,
      initialProps: { id: build.id as string | undefined },
    });
    await seen(() => expect(result.current.task?.toolName).toBe("build"));
    await act(() => result.current.cancel("too slow"));
    await seen(() =>
      expect(result.current.result).toEqual({ status: "cancelled", by: "user", reason: "too slow" }),
    );
    rerender({ id: deploy.id });
    expect(result.current.task).toBeUndefined();
    await seen(() => expect(result.current.task?.toolName).toBe("deploy"));
    rerender({ id: undefined });
    expect(result.current).toMatchObject({ task: undefined, status: "idle" });
    await expect(result.current.cancel()).rejects.toThrow("the id is undefined");
  });

  test("says so where there is no such task", async () => {
    const { result } = renderHook(() => useBackgroundTask("none"), { wrapper });
    await seen(() => expect(result.current).toMatchObject({ status: "error", error: { code: "not_found" } }));
  });

  test("leaves nothing behind after a thousand mounts", async () => {
    const build = await begin("build");
    for (let mount = 0; mount < 1_000; mount += 1) {
      renderHook(() => [useBackgroundTask(build.id), useBackgroundTasks()], { wrapper }).unmount();
    }
    const { result } = renderHook(() => useBackgroundTask(build.id), { wrapper });
    await seen(() => expect(result.current.status).toBe("live"));
    expect(asked.length).toBeLessThan(4_000);
    build.finish("done");
    await seen(() => expect(result.current.result).toMatchObject({ value: "done" }));
  });
});
