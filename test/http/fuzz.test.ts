import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
  eventPageSchema,
  healthSchema,
  openApiSchema,
  pendingTaskSchema,
  problemSchema,
  taskInfoSchema,
  taskPageSchema,
  taskResultSchema,
} from "../../src/http/index.ts";
import type { TaskInfo } from "../../src/index.ts";
import {
  BRIDGES,
  completed,
  type Lab,
  type RawAnswer,
  rawRequest,
  rawSocket,
  running,
  startLab,
} from "./lab.ts";

const ada = { userId: "ada", sessionId: "diary" };
const mallory = { userId: "mallory" };
const secret = "the-secret-of-ada";

const oneOf = (...values: string[]) => fc.constantFrom(...values);
const often = <T>(usual: fc.Arbitrary<T>, unusual: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 4, arbitrary: usual }, { weight: 1, arbitrary: unusual });

/** What may stand in the first line of a request: no spaces, no control characters. */
const urlText = fc.string({
  unit: fc.integer({ min: 0x21, max: 0xff }).map((code) => String.fromCharCode(code)),
  maxLength: 30,
});
const trap = fc.oneof(
  oneOf(
    "..",
    ".",
    "",
    "%2e%2e",
    "%2F",
    "%5C..",
    "\\",
    "%00",
    "%",
    "%zz",
    "%ff",
    "%c0%ae",
    ";",
    "*",
    ":id",
    "**",
  ),
  oneOf("__proto__", "constructor", "toString", "health", "a".repeat(2_000), "%41".repeat(3_000)),
  urlText,
);
const number = oneOf("0", "1", "5", "-1", "1.5", "1e3", "10abc", "%205", "", "501", "60001", "9".repeat(400));
const name = oneOf(
  "status",
  "limit",
  "cursor",
  "sessionId",
  "after",
  "waitMs",
  "offset",
  "__proto__",
  "constructor",
);
const query = fc
  .array(
    fc.oneof(
      fc.tuple(name, number),
      fc.tuple(oneOf("status"), oneOf("running", "completed,failed", "completed", "done", ",", "%00")),
      fc.tuple(oneOf("sessionId"), oneOf("diary", "", "%00", "%ff", "..")),
      fc.tuple(oneOf("cursor"), oneOf("1.a", "9999999999999999.z", "0.%00", ".", "x")),
      fc.tuple(urlText, urlText),
    ),
    { maxLength: 3 },
  )
  .map((pairs) => (pairs.length === 0 ? "" : `?${pairs.map((pair) => pair.join("=")).join("&")}`));
const headers = fc.record(
  {
    Authorization: often(
      oneOf("Bearer mallory"),
      fc.oneof(fc.string(), oneOf("Bearer", "bearer ada", "Bearer ada,")),
    ),
    "If-None-Match": fc.oneof(oneOf("*", 'W/"x"', '"'), fc.string()),
    Origin: fc.oneof(oneOf("null", "https://evil.example"), fc.string()),
    "Sec-Fetch-Site": oneOf("cross-site", "same-origin", "none", ""),
    "Content-Type": fc.oneof(oneOf("application/json", "text/plain"), fc.string()),
    "X-HTTP-Method-Override": oneOf("POST", "DELETE"),
    "X-Forwarded-Host": fc.string(),
  },
  { requiredKeys: [] },
);
const body = fc.oneof(
  fc.constant(undefined),
  fc.oneof(fc.json(), fc.string({ unit: "binary" }), oneOf("{}", "x".repeat(20_000))),
  fc.record({ reason: fc.string({ unit: "binary" }) }).map((value) => JSON.stringify(value)),
  fc.uint8Array(),
);
const method = often(
  oneOf("GET", "GET", "HEAD", "POST"),
  oneOf("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "QUERY", "SEARCH", "M-SEARCH"),
);

/** Paths around the API, most of them about one of these tasks. */
function pathAbout(ids: string[]): fc.Arbitrary<string> {
  const about = often(oneOf(...ids), trap);
  const route = often(
    oneOf("", "/result", "/events", "/cancel"),
    trap.map((text) => `/${text}`),
  );
  const base = often(
    oneOf("/background-tasks"),
    oneOf("", "/", "/background-tasks/..", "/Background-Tasks", "//a"),
  );
  const task = fc.tuple(base, about, route).map(([start, id, end]) => `${start}/${id}${end}`);
  const path = fc.oneof(
    { weight: 6, arbitrary: task },
    oneOf("/background-tasks", "/background-tasks/health", "/background-tasks/openapi.json"),
  );
  return fc.tuple(path, query).map((parts) => parts.join(""));
}

function expectSound(path: string, method: string, { status, headers, body }: RawAnswer): void {
  if (headers["x-content-type-options"] === undefined) {
    // Not of the handler: node:http and the bridge refuse what is no HTTP.
    expect([400, 431]).toContain(status);
    expect(body).toBe("");
    return;
  }
  expect([200, 202, 304, 400, 401, 403, 404, 405, 413, 415]).toContain(status);
  expect(headers["cache-control"]).toBe("private, no-store");
  if (method === "HEAD" || status === 304) {
    expect(body).toBe("");
    return;
  }
  expect(headers["content-type"]).toBe(status >= 400 ? "application/problem+json" : "application/json");
  const json: unknown = JSON.parse(body);
  expect(schemaOf(path, status).parse(json)).toEqual(json);
}

function schemaOf(path: string, status: number) {
  if (status >= 400) return problemSchema;
  if (status === 202) return pendingTaskSchema;
  const { pathname } = new URL(`http://localhost${path}`);
  const [, , about = "", route] = pathname.split("/");
  if (about === "health") return healthSchema;
  if (about === "openapi.json") return openApiSchema;
  if (about === "") return taskPageSchema;
  return route === "result" ? taskResultSchema : route === "events" ? eventPageSchema : taskInfoSchema;
}

describe.each(Object.entries(BRIDGES))("whatever is sent to a server with %s", (_name, bridge) => {
  let lab: Lab;
  let hers: TaskInfo[];
  let ids: string[];

  beforeAll(async () => {
    // While a host develops, a 404 repeats the path that was asked for, whoever's id may be in it.
    vi.stubEnv("NODE_ENV", "production");
    lab = await startLab({ bridge, allowCancel: true });
    await completed(lab.tasks, ada, secret);
    const endless = { toolName: secret, input: secret, scope: ada };
    await lab.tasks.start(endless, () => new Promise(() => undefined));
    const own = [await completed(lab.tasks, mallory, "own"), (await running(lab.tasks, mallory)).task];
    hers = (await lab.tasks.list(ada)).tasks;
    ids = [...hers, ...own].map(({ id }) => id);
  });
  afterAll(() => {
    vi.unstubAllEnvs();
    return lab.close();
  });

  async function expectUntouched(): Promise<void> {
    expect((await lab.tasks.list(ada)).tasks).toEqual(hers);
    expect(lab.errors.splice(0)).toEqual([]);
  }

  function expectNothingOfHers(answer: string): void {
    for (const text of [secret, ...hers.map(({ id }) => id)]) expect(answer).not.toContain(text);
  }

  test("gets a sound answer, and never anything of another user's", async () => {
    const seen = new Map<number, number>();
    const request = fc.tuple(method, pathAbout(ids), headers, body);
    // The rarest of the answers that are looked for below: by chance alone there might be none.
    const foreign = { Authorization: "Bearer mallory", Origin: "https://evil.example" };
    const rarest: typeof request extends fc.Arbitrary<infer T> ? T : never = [
      "POST",
      `/background-tasks/${ids[0]}/cancel`,
      foreign,
      undefined,
    ];
    await fc.assert(
      fc.asyncProperty(request, async ([method, path, headers, body]) => {
        const answer = await rawRequest(lab.port, method, path, headers, body);
        seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
        expectSound(path, method, answer);
        expectNothingOfHers(JSON.stringify(answer));
      }),
      { numRuns: 800, examples: [[rarest]] },
    );
    await expectUntouched();
    expect([...seen.keys()]).toEqual(expect.arrayContaining([200, 400, 401, 403, 404, 405]));
  });

  test("is refused by the rules of HTTP where it is none", async () => {
    const noise = fc.oneof(fc.string({ unit: "binary", maxLength: 60 }), urlText);
    const request = fc.tuple(method, fc.oneof(pathAbout(ids), noise), noise, noise);
    await fc.assert(
      fc.asyncProperty(request, async ([method, path, host, line]) => {
        const lines = [`Host: ${host}`, "Authorization: Bearer mallory", "Connection: close", line];
        const heard = await rawSocket(
          lab.port,
          `${method} ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`,
        );
        expect(heard).not.toMatch(/HTTP\/1\.1 5\d\d/);
        expectNothingOfHers(heard);
      }),
      { numRuns: 400 },
    );
    await expectUntouched();
  });
});
