import { createTool } from "@mastra/core/tools";
import { TaskOffloadError } from "tool-offload";
import { followUpInterrupts, followUpOf } from "tool-offload/adapters/mastra";
import { describe, expect, test, vi } from "vitest";
import * as z from "zod";
import { calls, Stage, text } from "./stage.ts";

const look = createTool({
  id: "look",
  description: "Looks.",
  inputSchema: z.object({}),
  execute: async () => "seen",
});

function pulling(steps: ConstructorParameters<typeof Stage>[0]["steps"] & object) {
  return new Stage({
    steps,
    tools: () => ({ look }),
    processors: ({ inbox, memory }) => [followUpInterrupts({ inbox, memory })],
  });
}

const isLate = (message: { role: string }) => "isFollowUp" in message && message.isFollowUp;

describe.each(["generate", "stream"] as const)("in a turn of %s", (method) => {
  async function turn(stage: Stage, words: string) {
    if (method === "generate") await stage.agent.generate(words, stage.inThread);
    else await (await stage.agent.stream(words, stage.inThread)).consumeStream();
  }

  test("what waits is told when a turn begins, silent results too", async () => {
    const stage = pulling([text("I have it.")]);
    const { id } = await stage.tasks.start(
      { toolName: "quiet", input: {}, scope: stage.scope },
      () => "hush",
      {
        followUp: "silent",
      },
    );
    await stage.tasks.wait(stage.scope, [id]);
    await turn(stage, "Go.");
    expect(stage.shown[0]?.filter(isLate)).toMatchObject([{ text: expect.stringContaining("hush") }]);
    expect((await stage.task())?.followUp.status).toBe("delivered");
    expect(await stage.roles()).toEqual(["user", "signal", "assistant"]);
  });

  test("at a later step only what may interrupt is a reason, and it is kept before it is acknowledged", async () => {
    const stage: Stage = pulling([
      async () => {
        await stage.ended("may wait");
        return calls("look");
      },
      async (shown) => {
        expect(shown.filter(isLate)).toEqual([]);
        const urgent = { toolName: "urgent", input: {}, scope: stage.scope };
        const { id } = await stage.tasks.start(urgent, () => "at once", { followUp: "interrupt" });
        await stage.tasks.wait(stage.scope, [id]);
        return calls("look", {}, "two");
      },
      async (shown) => {
        expect(shown.filter(isLate)).toHaveLength(1);
        // The turn may die here: what is acknowledged is in the memory.
        const kept = (await stage.messages()).flatMap((message) => followUpOf(message)?.tasks ?? []);
        expect(kept.map(({ toolName }) => toolName).sort()).toEqual(["report", "urgent"]);
        const { tasks } = await stage.tasks.list(stage.scope);
        expect(tasks.map(({ followUp }) => followUp.status)).toEqual(["delivered", "delivered"]);
        return text("Both.");
      },
    ]);
    await turn(stage, "Go.");
    expect(stage.shown).toHaveLength(3);
    const late = (await stage.messages()).filter((message) => followUpOf(message));
    expect(late).toHaveLength(1);
  });

  test("what the thread holds already is acknowledged, and not told again beside what is new", async () => {
    const stage = pulling([text("I have it."), text("Something new.")]);
    const first = await stage.ended();
    const { inbox } = stage;
    const claim = inbox.claim.bind(inbox);
    // The process dies before the acknowledgement.
    vi.spyOn(inbox, "claim").mockImplementationOnce(async (...given) => {
      const claimed = await claim(...given);
      return claimed && { ...claimed, acknowledge: () => claimed.release() };
    });
    await turn(stage, "Go.");
    expect((await stage.task())?.followUp.status).toBe("pending");
    const second = await stage.ended();
    await turn(stage, "Again.");
    const { tasks } = await stage.tasks.list(stage.scope);
    expect(tasks.map(({ followUp }) => followUp.status)).toEqual(["delivered", "delivered"]);
    const told = (await stage.messages()).flatMap((message) => followUpOf(message)?.tasks ?? []);
    expect(told.map(({ id }) => id)).toEqual([first, second]);
  });

  test("a memory or a store that fails breaks no turn: it comes again", async () => {
    const stage = pulling([text("One."), text("Two."), text("Three.")]);
    await stage.ended();
    vi.spyOn(stage.inbox, "claim").mockRejectedValueOnce(
      new TaskOffloadError("store_failed", "The store is down."),
    );
    await turn(stage, "Go.");
    expect(stage.shown[0]?.filter(isLate)).toEqual([]);
    vi.spyOn(stage.memory, "saveMessages").mockRejectedValueOnce(new Error("The memory is down."));
    await turn(stage, "Go.");
    expect((await stage.task())?.followUp.status).toBe("pending");
    await turn(stage, "Go.");
    expect((await stage.task())?.followUp.status).toBe("delivered");
    expect(stage.shown).toHaveLength(3);
  });
});

test("a store that does not answer when results are settled holds no turn up for long", async () => {
  const stage = pulling([text("I have it.")]);
  await stage.ended();
  const claim = stage.inbox.claim.bind(stage.inbox);
  const acknowledge = vi.fn(() => new Promise<boolean>(() => undefined));
  vi.spyOn(stage.inbox, "claim").mockImplementationOnce(async (...given) => {
    const claimed = await claim(...given);
    return claimed && { ...claimed, acknowledge };
  });
  const startedAt = Date.now();
  expect((await stage.agent.generate("Go.", stage.inThread)).text).toBe("I have it.");
  expect(Date.now() - startedAt).toBeLessThan(10_000);
  expect(acknowledge).toHaveBeenCalledOnce();
});

test("a wrong scope from a function is an error of the host's, and fails the turn", async () => {
  const stage = new Stage({
    steps: [text("Never.")],
    processors: ({ inbox, memory }) => [followUpInterrupts({ inbox, memory, scope: () => ({ userId: "" }) })],
  });
  await expect(stage.agent.generate("Go.", stage.inThread)).rejects.toThrow("scope.userId");
  expect(stage.shown).toEqual([]);
});

test("a run without memory is left alone", async () => {
  const stage = pulling([text("Hello.")]);
  await stage.ended();
  expect((await stage.agent.generate("Hi.")).text).toBe("Hello.");
  expect((await stage.task())?.followUp.status).toBe("pending");
});

test("whose results they are can be told by a function", async () => {
  const stage = new Stage({
    steps: [text("I have it.")],
    processors: ({ inbox, memory, scope }) => [followUpInterrupts({ inbox, memory, scope: () => scope })],
  });
  await stage.ended();
  await stage.agent.generate("Go.", { memory: { resource: "team", thread: "another" } });
  expect(stage.shown[0]?.filter(isLate)).toHaveLength(1);
});

test.each([
  { name: "no options", options: undefined, fault: /^options must be an object/ },
  { name: "no inbox", options: {}, fault: /^inbox must be a FollowUpInbox/ },
  {
    name: "no memory",
    options: { inbox: { claim: () => undefined } },
    fault: /^memory.saveMessages must be/,
  },
  { name: "a misspelt one", options: { inboxes: 1 }, fault: /^inboxes is not an option/ },
])("odd options: $name", ({ options, fault }) => {
  expect(() => followUpInterrupts(options as never)).toThrow(fault);
});
