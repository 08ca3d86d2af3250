import { describe, expect, test } from "vitest";
import { ADA, callOf, ended, inFakeTime, managersOn, soon, stubborn } from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";

inFakeTime();

describe.each(STORES)("what a task shows on $name", ({ makeStore }) => {
  const managerOf = managersOn(makeStore);

  test("rule 13: summaries and error messages carry no secrets, no control characters, no half code points", async () => {
    const tasks = managerOf();
    const input = {
      auth: { password: "hunter2", apiKey: "key-1" },
      text: "a\nb\u0007c",
      long: "😀".repeat(500),
    };
    const fail = () =>
      Promise.reject(new Error(`token=abc123\nAuthorization: Bearer xyz ${"😀".repeat(2_000)}`));
    const { id } = await soon(tasks.start(callOf({ input }), fail));
    const { summary, error } = await ended(tasks, id);
    for (const text of [summary, error?.message ?? ""]) {
      expect(text).not.toMatch(/hunter2|key-1|abc123|xyz|[\p{Cc}\p{Cs}]/u);
    }
    expect([...summary].length).toBeLessThanOrEqual(128);
    expect([...(error?.message ?? "")].length).toBeLessThanOrEqual(512);
  });

  test("rule 13: the reason of a cancel is as clean as the message of an error, wherever it is shown", async () => {
    const tasks = managerOf({ redact: (key, value) => (key === "reason" ? `${value} (Ada)` : value) });
    const { id } = await soon(tasks.start(callOf(), stubborn));
    const reason = `curl -u alice:hunter2\n${"😀".repeat(2_000)}`;
    const asked = await soon(tasks.cancel(ADA, id, { by: "user", reason }));
    await ended(tasks, id);
    const { events } = await soon(tasks.events(ADA, id));
    const told = [asked, await soon(tasks.get(ADA, id)), await soon(tasks.result(ADA, id)), events];
    expect(asked?.cancel?.reason).toMatch(/^curl -u alice:\*\*\*/);
    expect([...(asked?.cancel?.reason ?? "")]).toHaveLength(512);
    expect(JSON.stringify(told)).not.toMatch(/hunter2|\p{Cs}/u);
    const other = await soon(tasks.start(callOf(), stubborn));
    await soon(tasks.cancelSession({ ...ADA, sessionId: "s1" }, { reason: "password=hunter2" }));
    expect(await ended(tasks, other.id)).toMatchObject({ cancel: { reason: "password=*** (Ada)" } });
  });

  test("rule 13: the message of a deadline is clean too, whatever the tool is called", async () => {
    const tasks = managerOf();
    const call = callOf({ toolName: `evil\n\u0007${"x".repeat(200)}` });
    const { id } = await soon(tasks.start(call, stubborn, { deadlineMs: 100 }));
    const message = (await ended(tasks, id)).error?.message ?? "";
    expect([...message].length).toBeLessThanOrEqual(512);
    expect(message).not.toMatch(/\p{Cc}/u);
  });

  test.each([
    ["summarize throws", { summarize: () => Promise.reject(new Error("no")) as unknown as string }],
    ["summarize answers nonsense", { summarize: () => 5 as unknown as string }],
    ["summarize answers much", { summarize: () => `password=hunter2\n${"x".repeat(9_999)}` }],
  ])("rule 13: %s, and the call does not break", async (_, options) => {
    const tasks = managerOf();
    const { id } = await soon(tasks.start(callOf(), async () => "done", options));
    const { summary, status } = await ended(tasks, id);
    expect(status).toBe("completed");
    expect([...summary].length).toBeLessThanOrEqual(128);
    expect(summary).not.toContain("hunter2");
  });

  test("rule 13: a redact of one's own masks beside the built-in one, and may throw", async () => {
    const redact = (key: string, value: unknown) => (key === "name" ? "someone" : value);
    const tasks = managerOf({ redact });
    const call = callOf({ input: { name: "Ada", token: "abc" } });
    expect(await soon(tasks.start(call, stubborn))).toMatchObject({
      summary: 'search(name="someone", token=***)',
    });
    const throwing = managerOf({
      redact: () => {
        throw new Error("no");
      },
    });
    const { summary } = await soon(throwing.start(callOf({ input: { name: "Ada" } }), stubborn));
    expect(summary).not.toContain("Ada");
  });
});
