import { setTimeout as sleep } from "node:timers/promises";
import { Agent } from "@mastra/core/agent";
import { MessageList } from "@mastra/core/agent/message-list";
import { RequestContext } from "@mastra/core/request-context";
import { createTool } from "@mastra/core/tools";
import { followUpOf, sendFollowUps } from "tool-offload/adapters/mastra";
import { FollowUpDispatcher } from "tool-offload/follow-up";
import { describe, expect, test, vi } from "vitest";
import * as z from "zod";
import { until } from "../../support/until.ts";
import { scriptedModel } from "./model.ts";
import { answerOf, calls, Stage, text } from "./stage.ts";

const down = (): never => {
  throw new Error("The model is down.");
};

/** A stage whose thread is there, with one turn in it. */
async function talked(...steps: ConstructorParameters<typeof Stage>[0]["steps"] & object) {
  const stage = new Stage({ steps: [text("Hello."), ...steps] });
  await stage.agent.generate("Hi.", stage.inThread);
  return stage;
}

async function toldIn(stage: Stage) {
  return (await stage.messages()).flatMap((message) => followUpOf(message)?.tasks.map(({ id }) => id) ?? []);
}

describe("a thread that is idle", () => {
  test("is woken, and what it has kept is the message and the answer", async () => {
    const stage = await talked(text("It is late."));
    const id = await stage.ended("the value");
    expect(await answerOf(sendFollowUps(stage.agent), await stage.delivery())).toBe(undefined);
    expect(await stage.roles()).toEqual(["user", "assistant", "signal", "assistant"]);
    expect(await toldIn(stage)).toEqual([id]);
    expect(stage.shown[1]?.at(-1)).toMatchObject({
      isFollowUp: true,
      text: expect.stringContaining("the value"),
    });
  });

  test("takes its turn with the options for it: maxSteps bounds it", async () => {
    const asked: string[] = [];
    const look = createTool({
      id: "look",
      description: "Looks.",
      inputSchema: z.object({}),
      execute: async (_, { requestContext }) => asked.push(String(requestContext?.get("tenant"))),
    });
    const stage = new Stage({
      steps: [text("Hello."), calls("look"), calls("look")],
      tools: () => ({ look }),
    });
    await stage.agent.generate("Hi.", stage.inThread);
    await stage.ended();
    const requestContext = new RequestContext([["tenant", "acme"]]);
    const streamOptions = () => ({ maxSteps: 2, requestContext });
    await sendFollowUps(stage.agent, { streamOptions })(await stage.delivery());
    expect(stage.shown).toHaveLength(3);
    expect(asked).toEqual(["acme", "acme"]);
  });

  test("that is not there any more is gone", async () => {
    const stage = await talked();
    await stage.ended();
    await stage.memory.deleteThread(stage.thread.threadId);
    expect(await answerOf(sendFollowUps(stage.agent), await stage.delivery())).toBe("gone");
    expect(stage.shown).toHaveLength(1);
  });

  test("stands where the host says", async () => {
    const stage = new Stage({ steps: [text("Hello."), text("It is late.")] });
    await stage.agent.generate("Hi.", { memory: { resource: "team", thread: "support of chat-1" } });
    await stage.ended();
    const toThread = () => ({ resourceId: "team", threadId: "support of chat-1" });
    expect(await answerOf(sendFollowUps(stage.agent, { thread: toThread }), await stage.delivery())).toBe(
      undefined,
    );
    expect(stage.shown).toHaveLength(2);
  });
});

describe("a thread in which a turn runs", () => {
  async function running() {
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const stage = await talked(() => ended.then(() => text("Done.")), text("It is late."));
    await stage.ended();
    return { stage, end };
  }

  test("is busy while Mastra streams it, and the turn is left alone", async () => {
    const { stage, end } = await running();
    const output = await stage.agent.stream("Go.", stage.inThread);
    const delivery = await stage.delivery();
    expect(await answerOf(sendFollowUps(stage.agent), delivery)).toBe("busy");
    end();
    await output.consumeStream();
    expect(stage.shown).toHaveLength(2);
    const deliver = sendFollowUps(stage.agent);
    await until(async () => expect(await answerOf(deliver, delivery)).toBe(undefined));
    expect(await stage.roles()).toEqual(["user", "assistant", "user", "assistant", "signal", "assistant"]);
  });

  test("that nothing waits for is none", async () => {
    const stage = await talked();
    await stage.ended();
    const delivery = await stage.delivery();
    await sendFollowUps(stage.agent)({ ...delivery, followUps: [] });
    expect(stage.shown).toHaveLength(1);
  });

  test("is busy while another agent's runs there, and nothing is left in Mastra's queue", async () => {
    const { stage, end } = await running();
    const other = new Agent({
      id: "other",
      name: "other",
      instructions: "",
      model: scriptedModel(() => text("It is late.")),
      memory: stage.memory,
    });
    const output = await stage.agent.stream("Go.", stage.inThread);
    expect(await answerOf(sendFollowUps(other), await stage.delivery())).toBe("busy");
    end();
    await output.consumeStream();
    await sleep(100);
    expect(await stage.roles()).toEqual(["user", "assistant", "user", "assistant"]);
  });

  test("is busy while it waits for an approval", async () => {
    const pay = createTool({
      id: "pay",
      description: "Pays.",
      inputSchema: z.object({}),
      requireApproval: true,
      execute: async () => "paid",
    });
    const stage = new Stage({ steps: [calls("pay")], tools: () => ({ pay }) });
    await (await stage.agent.stream("Go.", stage.inThread)).consumeStream();
    await stage.ended();
    expect(await answerOf(sendFollowUps(stage.agent), await stage.delivery())).toBe("busy");
    expect(stage.shown).toHaveLength(1);
  });

  test("loses nothing when it has ended this very moment", async () => {
    const stage = await talked(text("Done."), text("It is late."));
    await stage.ended();
    const delivery = await stage.delivery();
    const output = await stage.agent.stream("Go.", stage.inThread);
    await output.text;
    // Mastra takes a signal now, for a turn that will never look at it.
    const deliver = sendFollowUps(stage.agent);
    const answers = [await answerOf(deliver, delivery)];
    while (answers.at(-1) === "busy" && answers.length < 100) {
      await sleep(10);
      answers.push(await answerOf(deliver, delivery));
    }
    expect(answers.at(-1)).toBe(undefined);
    expect(await toldIn(stage)).toEqual([delivery.followUps[0]?.id]);
    expect(stage.shown).toHaveLength(3);
  });
});

describe("a second delivery of the same", () => {
  test("after a turn that was kept, as when the process dies before it is acknowledged: nothing is done", async () => {
    const stage = await talked(text("It is late."));
    await stage.ended();
    const delivery = await stage.delivery();
    await sendFollowUps(stage.agent)(delivery);
    const before = await stage.messages();
    await delivery.release();
    expect(await answerOf(sendFollowUps(stage.agent), await stage.delivery())).toBe(undefined);
    expect(await stage.messages()).toEqual(before);
    expect(stage.shown).toHaveLength(2);
  });

  test("with a new one beside it: that one alone is told", async () => {
    const stage = await talked(text("One."), text("Two."));
    const first = await stage.ended("first value");
    const delivery = await stage.delivery();
    await sendFollowUps(stage.agent)(delivery);
    await delivery.release();
    const second = await stage.ended("second value");
    await sendFollowUps(stage.agent)(await stage.delivery());
    expect(await toldIn(stage)).toEqual([first, second]);
    const last = JSON.stringify(stage.shown[2]?.at(-1));
    expect(last).toContain("second value");
    expect(last).not.toContain("first value");
  });

  test("after a turn that failed: the turn is run again, on the one message", async () => {
    const stage = await talked(down, text("It is late."));
    const id = await stage.ended();
    const delivery = await stage.delivery();
    await expect(sendFollowUps(stage.agent)(delivery)).rejects.toThrow("The model is down.");
    expect(await answerOf(sendFollowUps(stage.agent), delivery)).toBe(undefined);
    expect(await toldIn(stage)).toEqual([id]);
    expect(stage.shown).toHaveLength(3);
    expect(await answerOf(sendFollowUps(stage.agent), delivery)).toBe(undefined);
    expect(stage.shown).toHaveLength(3);
  });

  test("after a turn that was broken off: the turn is run again", async () => {
    const stop = new AbortController();
    const stage = await talked(() => {
      stop.abort(new Error("The dispatcher was stopped."));
      return text("Nobody hears this.");
    }, text("It is late."));
    const id = await stage.ended();
    const delivery = await stage.delivery(stop.signal);
    await expect(sendFollowUps(stage.agent)(delivery)).rejects.toThrow("The dispatcher was stopped.");
    const again = { ...delivery, signal: new AbortController().signal };
    expect(await answerOf(sendFollowUps(stage.agent), again)).toBe(undefined);
    expect(await toldIn(stage)).toEqual([id]);
    expect((await stage.messages()).at(-1)?.content.parts.at(-1)).toMatchObject({ text: "It is late." });
  });

  test("after a turn that could not be kept: it is told again", async () => {
    const stage = await talked(text("Lost."), text("It is late."));
    const id = await stage.ended();
    const delivery = await stage.delivery();
    const store = await stage.memory.storage.getStore("memory");
    const failing = vi
      .spyOn(store as NonNullable<typeof store>, "saveMessages")
      .mockRejectedValue(new Error("The disk is full."));
    await expect(sendFollowUps(stage.agent)(delivery)).rejects.toThrow("The disk is full.");
    failing.mockRestore();
    expect(await toldIn(stage)).toEqual([]);
    expect(await answerOf(sendFollowUps(stage.agent), delivery)).toBe(undefined);
    expect(await toldIn(stage)).toEqual([id]);
  });
});

test("a dispatcher that is stopped in the middle of a turn tells it again, once", async () => {
  const stage = await talked(
    () => new Promise<never>((_, reject) => setTimeout(reject, 2_000, new Error("Too late."))),
    text("It is late."),
  );
  const id = await stage.ended();
  const terms = { tasks: stage.tasks, coalesceMs: 0, retryMs: 10, deliver: sendFollowUps(stage.agent) };
  const first = new FollowUpDispatcher(terms).start();
  await until(() => expect(stage.shown).toHaveLength(2));
  await first.stop({ drainMs: 0 });
  expect((await stage.task())?.followUp.status).toBe("pending");
  const second = new FollowUpDispatcher(terms).start();
  await until(async () => expect((await stage.task())?.followUp.status).toBe("delivered"));
  await second.stop();
  expect(await toldIn(stage)).toEqual([id]);
  expect((await stage.messages()).at(-1)?.content.parts.at(-1)).toMatchObject({ text: "It is late." });
});

describe("followUpOf", () => {
  test("knows the message in the memory, in the stream and as a page gets it", async () => {
    const stage = await talked(text("It is late."));
    const id = await stage.ended();
    const { stream } = await stage.agent.subscribeToThread(stage.thread);
    await sendFollowUps(stage.agent)(await stage.delivery());
    const marker = {
      type: "tool-offload.follow-up",
      tasks: [expect.objectContaining({ id, status: "completed" })],
    };
    const messages = await stage.messages();
    expect(messages.map(followUpOf)).toEqual([undefined, undefined, marker, undefined]);
    for await (const part of stream) {
      if ((part as { type: string }).type !== "data-signal") continue;
      expect(followUpOf(part)).toEqual(marker);
      break;
    }
    const pages = new MessageList().add(messages, "memory").get.all.ui();
    const parts: unknown[] = pages.flatMap((page) => page.parts);
    expect(parts.filter((part) => followUpOf(part))).toHaveLength(1);
    for (const odd of [null, undefined, "text", 1, {}, { content: null }, { content: "text" }]) {
      expect(followUpOf(odd)).toBe(undefined);
    }
  });
});

describe("what cannot be used is refused", () => {
  const agent = { sendSignal: () => undefined };

  test.each([
    { name: "no agent", given: [undefined], fault: /^agent must be an Agent of Mastra/ },
    { name: "no options", given: [agent, null], fault: /^options must be an object/ },
    { name: "a misspelt one", given: [agent, { maxSteps: 3 }], fault: /^maxSteps is not an option/ },
    { name: "thread", given: [agent, { thread: "chat-1" }], fault: /^thread must be a function/ },
    {
      name: "streamOptions",
      given: [agent, { streamOptions: 5 }],
      fault: /^streamOptions must be an object/,
    },
  ])("$name", ({ given, fault }) => {
    expect(() => sendFollowUps(...(given as Parameters<typeof sendFollowUps>))).toThrow(fault);
  });

  test("an agent without memory, and tasks without a session", async () => {
    const stage = await talked();
    await stage.ended();
    const delivery = await stage.delivery();
    const model = "openai/gpt-5";
    const bare = new Agent({ id: "bare", name: "bare", instructions: "", model });
    await expect(sendFollowUps(bare)(delivery)).rejects.toThrow("The agent has no memory");
    const homeless = { ...delivery, scope: { userId: "ada" } };
    await expect(sendFollowUps(stage.agent)(homeless)).rejects.toThrow("no thread to tell");
  });
});
