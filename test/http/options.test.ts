import { describe, expect, test } from "vitest";
import { createTaskHandler, type TaskHandlerOptions } from "../../src/http/index.ts";
import { BackgroundTaskManager, TaskOffloadError } from "../../src/index.ts";

const tasks = new BackgroundTaskManager();
const sound: TaskHandlerOptions = { tasks, authenticate: () => ({ userId: "ada" }) };

function refusalOf(options: unknown): unknown {
  try {
    createTaskHandler(options as TaskHandlerOptions);
  } catch (error) {
    return error;
  }
  return undefined;
}

test.each([
  ["options", undefined],
  ["tasks", { ...sound, tasks: undefined }],
  ["tasks", { ...sound, tasks: { list: () => [] } }],
  ["authenticate", { tasks }],
  ["authenticate", { ...sound, authenticate: "ada" }],
  ["basePath", { ...sound, basePath: "tasks" }],
  ["basePath", { ...sound, basePath: "" }],
  ["basePath", { ...sound, basePath: "//elsewhere" }],
  ["basePath", { ...sound, basePath: "/tasks?all" }],
  ["basePath", { ...sound, basePath: 5 }],
  ["allowCancel", { ...sound, allowCancel: "yes" }],
  ["allowedOrigins", { ...sound, allowedOrigins: "https://a.example" }],
  ["allowedOrigins", { ...sound, allowedOrigins: ["*"] }],
  ["allowedOrigins", { ...sound, allowedOrigins: ["https://a.example/path"] }],
  ["allowedOrigins", { ...sound, allowedOrigins: ["null"] }],
  ["allowedOrigins", { ...sound, allowedOrigins: ["file:///"] }],
  ["waitsPerUser", { ...sound, waitsPerUser: -1 }],
  ["waitsPerUser", { ...sound, waitsPerUser: 1.5 }],
  ["waitsPerUser", { ...sound, waitsPerUser: "100" }],
  ["streams", { ...sound, streams: true }],
  ["streams", { ...sound, streams: null }],
  ["streams.perUser", { ...sound, streams: { perUser: -1 } }],
  ["streams.lifetimeMs", { ...sound, streams: { lifetimeMs: 0 } }],
  ["streams.heartbeatMs", { ...sound, streams: { heartbeatMs: "15 s" } }],
  ["challenge", { ...sound, challenge: true }],
  ["challenge", { ...sound, challenge: "" }],
  ["challenge", { ...sound, challenge: "Bearer\r\nSet-Cookie: a=b" }],
  ["onError", { ...sound, onError: true }],
])("an unsound %s is refused by name (%#)", (name, options) => {
  const error = refusalOf(options);
  expect(TaskOffloadError.isInstance(error) && error.code).toBe("invalid_option");
  expect((error as Error).message).toMatch(new RegExp(`^${name} must be`));
});

test("an origin may be given with its slash", () => {
  expect(refusalOf({ ...sound, allowedOrigins: ["https://a.example/", "http://b.example:8080"] })).toBe(
    undefined,
  );
});

describe("basePath", () => {
  const statusAt = async (basePath: string, path: string) => {
    const handle = createTaskHandler({ ...sound, basePath });
    return (await handle(new Request(`http://localhost${path}`))).status;
  };

  test.each([
    ["/", "/", 200],
    ["/", "/health", 200],
    ["/tasks", "/tasks", 200],
    ["/tasks", "/tasks/", 200],
    ["/tasks/", "/tasks", 200],
    ["/tasks", "/tasks/health", 200],
    ["/a/:b/(c)*", "/a/:b/(c)*/health", 200],
    ["/grüße", "/grüße/health", 200],
    ["/tasks", "/", 404],
    ["/tasks", "/tasksx", 404],
    ["/tasks", "/tasks/a/b/c", 404],
    ["/tasks", "/other/tasks", 404],
    ["/tasks", "/Tasks", 404],
  ])("under %j, %j is answered with %i for who may see it", async (basePath, path, status) => {
    expect(await statusAt(basePath, path)).toBe(status);
  });
});
