import { createMiddleware, toolRetryMiddleware } from "langchain";
import { describe, expect, test } from "vitest";
import { asks, aTool, bareLab, lab, oneCall, says } from "./lab.ts";

/** LangGraph writes on an error which of its own tasks it ended. */
function withoutTaskId(error: unknown) {
  return Object.assign(error as Error, { pregelTaskId: undefined });
}

describe("errors in time are what they are without us", () => {
  class OwnError extends TypeError {
    override name = "OwnError";
  }
  test.each([
    ["an error", new Error("It is broken.")],
    ["an error of a class", new OwnError("No such type.")],
    ["a text", "just a text"],
    ["a library's error", Object.assign(new Error("x"), { code: "E_X" })],
  ])("%s", async (_, thrown) => {
    const tools = [aTool("work", () => Promise.reject(thrown))];
    const bare = bareLab({ tools, steps: oneCall() });
    const { tasks, say, rawOf } = lab({ tools, steps: oneCall() });
    expect(await say("t1")).toBe(await bare.say("t1"));
    expect(await rawOf("t1")).toEqual(await bare.rawOf("t1"));
    await tasks.close();
  });

  test("null, over which LangChain itself stumbles, is told like the others", async () => {
    const tools = [aTool("work", () => Promise.reject(null))];
    await expect(bareLab({ tools, steps: oneCall() }).say("t1")).rejects.toThrow("reading 'name'");
    const { tasks, say, messagesOf } = lab({ tools, steps: oneCall() });
    await say("t1");
    expect((await messagesOf("t1"))[2]?.text).toBe("null\n Please fix your mistakes.");
    await tasks.close();
  });

  test("an input that the schema refuses", async () => {
    const wrong = () => [asks(["one", "work"]), says("Done.")];
    const schema = { type: "object", properties: { where: { type: "string" } }, required: ["where"] };
    const tools = [aTool("work", () => "never", { schema } as never)];
    const bare = bareLab({ tools, steps: wrong() });
    const { tasks, say, messagesOf } = lab({ tools, steps: wrong() });
    await Promise.all([say("t1"), bare.say("t1")]);
    const withoutStack = (text = "") => text.replace(/\n\s+at .*/g, "");
    const [own, theirs] = await Promise.all([messagesOf("t1"), bare.messagesOf("t1")]);
    expect(withoutStack(own[2]?.text)).toBe(withoutStack(theirs[2]?.text));
    expect(own[2]).toMatchObject({ status: "error", name: "work" });
    await tasks.close();
  });

  test("a tool that there is not", async () => {
    const steps = () => [asks(["one", "nothing"]), says("Done.")];
    const tools = [aTool("work", () => "x")];
    const bare = bareLab({ tools, steps: steps() });
    const { tasks, say, rawOf } = lab({ tools, steps: steps() });
    await Promise.all([say("t1"), bare.say("t1")]);
    expect(await rawOf("t1")).toEqual(await bare.rawOf("t1"));
    await tasks.close();
  });

  test("an abort of the run", async () => {
    let turn = new AbortController();
    const tools = [
      aTool("work", () => {
        setTimeout(() => turn.abort(new Error("The user has left.")), 20);
        return new Promise(() => undefined);
      }),
    ];
    const outcome = async (own: { say: (thread: string, config: object) => Promise<string> }) => {
      turn = new AbortController();
      return own.say("t1", { signal: turn.signal }).catch((error) => error);
    };
    const scene = lab({ tools, steps: oneCall(), middleware: { timeoutMs: 60_000 } });
    const bare = await outcome(bareLab({ tools, steps: oneCall() }));
    expect(withoutTaskId(await outcome(scene))).toEqual(withoutTaskId(bare));
    await scene.tasks.close({ drainMs: 0 });
  });

  test.each(["before", "after"])(
    "middleware listed %s sees them thrown, and can try again",
    async (place) => {
      let tries = 0;
      const tools = [aTool("work", () => (++tries < 3 ? Promise.reject(new Error("Not yet.")) : "at last"))];
      const retry = toolRetryMiddleware({ maxRetries: 3, initialDelayMs: 1, jitter: false });
      const { tasks, say, messagesOf } = lab({ tools, steps: oneCall(), [place]: [retry] });
      await say("t1");
      expect((await messagesOf("t1"))[2]?.text).toBe("at last");
      expect(tries).toBe(3);
      await tasks.close();
    },
  );

  test("middleware that fails ends the run", async () => {
    const broken = createMiddleware({
      name: "broken",
      wrapToolCall: () => Promise.reject(new Error("Mine.")),
    });
    const tools = [aTool("work", () => "x")];
    const bare = bareLab({ tools, steps: oneCall(), after: [broken] });
    const { tasks, say } = lab({ tools, steps: oneCall(), after: [broken] });
    const outcomes = await Promise.all([say("t1").catch((e) => e), bare.say("t1").catch((e) => e)]);
    expect(withoutTaskId(outcomes[0])).toEqual(withoutTaskId(outcomes[1]));
    expect(outcomes[0].message).toBe("Mine.");
    await tasks.close();
  });
});
