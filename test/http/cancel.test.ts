import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { createTaskHandler, problemSchema, taskInfoSchema } from "../../src/http/index.ts";
import { BackgroundTaskManager } from "../../src/index.ts";
import { until } from "../support/until.ts";
import {
  BRIDGES,
  byToken,
  completed,
  end,
  type Lab,
  rawRequest,
  rawSocket,
  running,
  startLab,
} from "./lab.ts";

const ada = { userId: "ada" };
const tasks = new BackgroundTaskManager();

describe.each(Object.entries(BRIDGES))("POST /:id/cancel behind %s", (_name, bridge) => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await startLab({ bridge, allowCancel: true, allowedOrigins: ["https://app.example.com"] });
  });
  afterAll(() => lab.close());

  /** What came of a cancel request for a task that runs. */
  async function cancelWith(init: RequestInit, headers: Record<string, string> = {}) {
    const { task } = await running(lab.tasks, ada);
    const response = await lab.as("ada", `/${task.id}/cancel`, { method: "POST", ...init, headers });
    const body: unknown = await response.json();
    const after = await lab.tasks.get(ada, task.id);
    return { status: response.status, headers: response.headers, body, cancel: after?.cancel };
  }

  test("stops the task, and answers it", async () => {
    const { status, headers, body, cancel } = await cancelWith(
      { body: JSON.stringify({ reason: "not needed" }) },
      { "Content-Type": "application/json" },
    );
    expect(status).toBe(200);
    expect(headers.get("ETag")).toBeNull();
    expect(headers.get("Cache-Control")).toBe("private, no-store");
    expect(taskInfoSchema.parse(body)).toEqual(body);
    expect(cancel).toMatchObject({ by: "user", reason: "not needed" });
    expect(body).toMatchObject({ cancel });
  });

  test("leaves a finished task as it is", async () => {
    const task = await completed(lab.tasks, ada, 1);
    const response = await lab.as("ada", `/${task.id}/cancel`, { method: "POST" });
    expect([response.status, await response.json()]).toEqual([200, task]);
  });

  test.each([
    ["no type and no body", undefined, undefined],
    ["no type", undefined, "{}"],
    ["JSON", "application/json", "{}"],
    ["JSON without a body", "application/json", undefined],
    ["JSON with a charset", "application/json; charset=utf-8", '{"reason":"große"}'],
    ["JSON in capitals", "Application/JSON;charset=UTF-8", "{}"],
    ["a JSON dialect", "application/vnd.api+json", "{}"],
  ])("takes %s", async (_what, type, text) => {
    const body = text === undefined ? null : new TextEncoder().encode(text);
    const { status, cancel } = await cancelWith({ body }, type === undefined ? {} : { "Content-Type": type });
    expect(status).toBe(200);
    expect(cancel).toMatchObject({ by: "user" });
  });

  test.each([
    ["text/plain"],
    ["text/plain; application/json"],
    ["application/x-www-form-urlencoded"],
    ["multipart/form-data; boundary=x"],
    ["text/json"],
    ["application/jsonp"],
    ["application/json, text/plain"],
    ["application/+json"],
    [""],
  ])("refuses the content type %j with 415", async (type) => {
    const { status, body, cancel } = await cancelWith({ body: "{}" }, { "Content-Type": type });
    expect(status).toBe(415);
    expect(problemSchema.parse(body)).toEqual(body);
    expect(cancel).toBeNull();
  });

  test.each([
    ["{", "body"],
    ["null", "body"],
    ["[]", "body"],
    ['"stop"', "body"],
    ["\uFEFF\uFEFF{}", "body"],
    ['{"reason":5}', "reason"],
    ['{"reason":null}', "reason"],
    ['{"reason":["a"]}', "reason"],
    ['{"reason":"x","by":"host"}', "by"],
    ['{"reasn":"x"}', "reasn"],
    ['{"__proto__":{}}', "__proto__"],
    ['{"<b>":1}', "body"],
    [Uint8Array.of(0x22, 0xff, 0x22), "body"],
    [Uint8Array.of(0x7b, 0x7d, 0xc3), "body"],
  ])("refuses the body %j with 400", async (text, field) => {
    const { status, body, cancel } = await cancelWith({ body: text }, { "Content-Type": "application/json" });
    expect(status).toBe(400);
    expect(problemSchema.parse(body)).toEqual(body);
    expect(body).toMatchObject({ field });
    expect(cancel).toBeNull();
  });

  const ownOrigin = "OWN";
  test.each<[string, Record<string, string>, number]>([
    ["a program", {}, 200],
    ["a page of the same origin", { Origin: ownOrigin, "Sec-Fetch-Site": "same-origin" }, 200],
    [
      "a page of an allowed origin",
      { Origin: "https://app.example.com", "Sec-Fetch-Site": "same-site" },
      200,
    ],
    ["a user, directly", { "Sec-Fetch-Site": "none" }, 200],
    ["a page from elsewhere", { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" }, 403],
    ["a page from elsewhere, old browser", { Origin: "https://evil.example" }, 403],
    ["a page that hides its origin", { Origin: "null" }, 403],
    [
      "a sibling that is not allowed",
      { Origin: "https://b.example.com", "Sec-Fetch-Site": "same-site" },
      403,
    ],
    ["cross-site without an origin", { "Sec-Fetch-Site": "cross-site" }, 403],
    ["same-site without an origin", { "Sec-Fetch-Site": "same-site" }, 403],
    ["same-site in other letters, without an origin", { "Sec-Fetch-Site": " Same-Site" }, 403],
    ["several at once", { "Sec-Fetch-Site": "same-origin, cross-site" }, 403],
    ["a word of the future", { Origin: ownOrigin, "Sec-Fetch-Site": "same-planet" }, 403],
    ["same-origin without an origin, old browser", { "Sec-Fetch-Site": "same-origin" }, 200],
    [
      "cross-site from an allowed origin",
      { Origin: "https://app.example.com", "Sec-Fetch-Site": "cross-site" },
      200,
    ],
    [
      "a page of the same origin, behind a proxy that changes ours",
      { Origin: "https://own.example", "Sec-Fetch-Site": "same-origin" },
      200,
    ],
    [
      "the same behind a proxy that keeps the host, old browser",
      { Origin: "https://own.example", Host: "own.example" },
      200,
    ],
    ["the same in capitals", { Origin: "https://own.example:8080", Host: "Own.Example:8080" }, 200],
    ["another port behind a proxy", { Origin: "https://own.example:81", Host: "own.example" }, 403],
    ["an origin that is no URL", { Origin: "own.example", Host: "own.example" }, 403],
    ["the allowed origin, other protocol", { Origin: "http://app.example.com" }, 403],
    ["a longer origin", { Origin: "https://app.example.com.evil.example" }, 403],
    ["the same host, other port", { Origin: "http://127.0.0.1:1" }, 403],
    ["an empty origin", { Origin: "" }, 403],
  ])("%s", async (_who, headers, expected) => {
    const { task } = await running(lab.tasks, ada);
    const sent: Record<string, string> = { ...headers, Authorization: "Bearer ada" };
    if (sent.Origin === ownOrigin) sent.Origin = `http://127.0.0.1:${lab.port}`;
    const path = `/background-tasks/${task.id}/cancel`;
    const { status, body } = await rawRequest(lab.port, "POST", path, sent);
    expect(status).toBe(expected);
    if (expected === 403) expect(problemSchema.parse(JSON.parse(body)).status).toBe(403);
    const after = await lab.tasks.get(ada, task.id);
    expect(after?.cancel === null).toBe(expected === 403);
  });

  test("takes 16 KiB and refuses one byte more, whether it is announced or not", async () => {
    const json = (bytes: number) => `{"reason":"${"a".repeat(bytes - 13)}"}`;
    const stream = (text: string) => ({ body: new Blob([text]).stream(), duplex: "half" }) as RequestInit;
    const type = { "Content-Type": "application/json" };
    expect((await cancelWith({ body: json(16_384) }, type)).status).toBe(200);
    expect((await cancelWith(stream(json(16_384)), type)).status).toBe(200);
    for (const init of [{ body: json(16_385) }, stream(json(16_385))]) {
      const { status, body, cancel } = await cancelWith(init, type);
      expect(status).toBe(413);
      expect(problemSchema.parse(body)).toEqual(body);
      expect(cancel).toBeNull();
    }
  });

  test.each([
    ["is too large", "Content-Type: application/json", 413],
    ["is of a wrong type", "Content-Type: text/plain", 415],
    ["comes from elsewhere", "Origin: https://evil.example", 403],
  ])("a body that %s does not block the connection", async (_what, header, status) => {
    const { task } = await running(lab.tasks, ada);
    const common = "Host: localhost\r\nAuthorization: Bearer ada\r\n";
    const post = `POST /background-tasks/${task.id}/cancel HTTP/1.1\r\n${common}${header}\r\nContent-Length: 300000\r\n\r\n`;
    const get = `GET /background-tasks/health HTTP/1.1\r\n${common}Connection: close\r\n\r\n`;
    const heard = await rawSocket(lab.port, `${post}${"x".repeat(300_000)}${get}`);
    expect(heard.match(/HTTP\/1\.1 \d+/g)).toEqual([`HTTP/1.1 ${status}`, "HTTP/1.1 200"]);
  });
});

describe("a body that is read", () => {
  const url = "http://localhost/background-tasks/some/cancel";
  const headers = { Authorization: "Bearer ada", "Content-Type": "application/json" };

  test("ends where no more is needed, endless as it may be", async () => {
    let given = 0;
    let isCancelled = false;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        given += 1_024;
        controller.enqueue(new Uint8Array(1_024));
      },
      cancel: () => {
        isCancelled = true;
      },
    });
    const handle = createTaskHandler({ tasks, authenticate: byToken, allowCancel: true });
    const init = { method: "POST", headers, body, duplex: "half" } as RequestInit;
    expect((await handle(new Request(url, init))).status).toBe(413);
    await until(() => expect(isCancelled).toBe(true));
    expect(given).toBeLessThan(1_100_000);
  });

  test("breaks off", async () => {
    const body = new ReadableStream({ pull: (controller) => controller.error(new Error("gone")) });
    const onError = vi.fn();
    const handle = createTaskHandler({ tasks, authenticate: byToken, allowCancel: true, onError });
    const init = { method: "POST", headers, body, duplex: "half" } as RequestInit;
    expect((await handle(new Request(url, init))).status).toBe(400);
    expect(onError).not.toHaveBeenCalled();
  });
});

describe("without allowCancel", () => {
  test("the route does not exist in production, for any method", async () => {
    vi.stubEnv("NODE_ENV", "production");
    onTestFinished(() => void vi.unstubAllEnvs());
    const lab = await startLab();
    const { task, finish } = await running(lab.tasks, ada);
    const missing = await (await lab.as("ada", "/no/such/route")).text();
    for (const method of ["POST", "GET", "DELETE"]) {
      const response = await lab.as("ada", `/${task.id}/cancel`, { method });
      expect([response.status, await response.text()]).toEqual([404, missing]);
    }
    finish(1);
    expect(await end(lab.tasks, ada, task.id)).toMatchObject({ status: "completed", cancel: null });
    await lab.close();
  });
});
