import {
  Agent,
  MemorySession,
  OpenAIChatCompletionsModel,
  OpenAIResponsesModel,
  type Session,
} from "@openai/agents";
import { assistantMessage, ScriptedModel } from "@openai/agents/testing";
import { followUpOf, takeIn, toInput } from "tool-offload/adapters/openai-agents";
import { FollowUpDispatcher } from "tool-offload/follow-up";
import { expect, test } from "vitest";
import { until } from "../../support/until.ts";
import { allowWarnings } from "../../support/warnings.ts";
import { deliveryOf, open, runner, saying, scope, toolFor } from "./stage.ts";

async function ended(count = 1) {
  const { tasks } = open();
  const start = (n: number) => tasks.start({ toolName: "dig", input: { n }, scope }, () => `gold ${n}`);
  const started = await Promise.all(Array.from({ length: count }, (_, n) => start(n)));
  return { tasks, ids: started.map(({ id }) => id) };
}

/** A session of the least that there is: it knows no transactions. */
function plainSession(): Session {
  const own = new MemorySession();
  return {
    getSessionId: () => own.getSessionId(),
    getItems: (limit) => own.getItems(limit),
    addItems: (items) => own.addItems(items),
    popItem: () => own.popItem(),
    clearSession: () => own.clearSession(),
  };
}

const SESSIONS = { "with transactions": () => new MemorySession(), without: plainSession };

test.each(Object.entries(SESSIONS))(
  "a delivery repeated after a crash is in the session once, and answered once: a session %s",
  async (_which, sessionOf) => {
    allowWarnings();
    const { tasks, ids } = await ended();
    const model = saying("I see.");
    const agent = new Agent({ name: "Assistant", model });
    const session = sessionOf();
    let deliveries = 0;
    const dispatcher = new FollowUpDispatcher({
      tasks,
      coalesceMs: 0,
      retryMs: 10,
      async deliver(delivery) {
        deliveries += 1;
        if (await takeIn(session, delivery)) await runner.run(agent, [], { session });
        if (deliveries === 1) throw new Error("The process died before the acknowledgement.");
      },
    }).start();
    await until(async () =>
      expect((await tasks.get(scope, ids[0] ?? ""))?.followUp.status).toBe("delivered"),
    );
    await dispatcher.stop();
    expect(deliveries).toBe(2);
    expect(model.calls).toHaveLength(1);
    const items = await session.getItems();
    expect(items.map((item) => "role" in item && item.role)).toEqual(["user", "assistant"]);
    expect(followUpOf(items[0])?.tasks).toMatchObject([{ id: ids[0], toolName: "dig", status: "completed" }]);
  },
);

test("a turn that failed is run again, over the message that is there", async () => {
  const { tasks, ids } = await ended();
  const session = new MemorySession();
  await runner.run(new Agent({ name: "Assistant", model: saying("Hello.") }), "Hello.", { session });
  const model = new ScriptedModel([{ type: "error", error: new Error("The model is down.") }]);
  const agent = new Agent({ name: "Assistant", model });
  const deliver = async () => {
    if (await takeIn(session, await deliveryOf(tasks, ids))) await runner.run(agent, [], { session });
  };
  await expect(deliver()).rejects.toThrow("The model is down.");
  expect(await session.getItems()).toHaveLength(3);
  model.enqueue([assistantMessage("I see.")]);
  await deliver();
  await deliver();
  const roles = (await session.getItems()).map((item) => "role" in item && item.role);
  expect(roles).toEqual(["user", "assistant", "user", "assistant"]);
  const shown = model.calls[1]?.request.input;
  expect(shown).toMatchObject([{}, {}, { content: expect.stringContaining("gold 0") }]);
});

test("of a delivery that the session knows in part, the rest is taken in", async () => {
  const { tasks, ids } = await ended(3);
  const session = new MemorySession();
  await takeIn(session, await deliveryOf(tasks, ids.slice(0, 2)));
  await session.addItems([{ role: "user", content: "Hello?" }]);
  expect(await takeIn(session, await deliveryOf(tasks, ids))).toBe(true);
  const told = (await session.getItems()).map((item) => followUpOf(item)?.tasks.map(({ id }) => id));
  expect(told).toEqual([ids.slice(0, 2), undefined, ids.slice(2)]);
});

test("two processes that deliver the same at the same time put it in once", async () => {
  const { tasks, ids } = await ended(2);
  const session = new MemorySession();
  const deliveries = [await deliveryOf(tasks, ids), await deliveryOf(tasks, [...ids].reverse())];
  const both = await Promise.allSettled(deliveries.map((delivery) => takeIn(session, delivery)));
  expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect(await session.getItems()).toHaveLength(1);
});

test("a follow-up turn can be bounded, in steps and in time", async () => {
  const { tasks, ids } = await ended();
  const session = new MemorySession();
  const call = {
    type: "function_call",
    name: "again",
    callId: "c",
    arguments: "{}",
    status: "completed",
  } as const;
  const model = new ScriptedModel(Array.from({ length: 9 }, (_, n) => [{ ...call, callId: `c${n}` }]));
  const agent = new Agent({ name: "Assistant", model, tools: [toolFor("again", () => "and again")] });
  const delivery = await deliveryOf(tasks, ids);
  await takeIn(session, delivery);
  await expect(runner.run(agent, [], { session, maxTurns: 3 })).rejects.toThrow("Max turns (3) exceeded");
  expect(model.calls).toHaveLength(3);
  const aborted = AbortSignal.abort(new Error("It took too long."));
  await expect(runner.run(agent, [], { session, signal: aborted })).rejects.toThrow();
  expect(model.calls).toHaveLength(3);
});

test("the marker is told from what users and models write, whatever that is", async () => {
  const { tasks, ids } = await ended();
  const [item] = toInput(await deliveryOf(tasks, ids));
  expect(followUpOf(item)?.tasks.map(({ id }) => id)).toEqual(ids);
  expect(followUpOf(JSON.parse(JSON.stringify(item)))).toEqual(followUpOf(item));
  const others = [
    undefined,
    null,
    5,
    {},
    { role: "user", content: item?.content },
    { role: "assistant", providerData: { phase: "final_answer" } },
    { role: "user", providerData: { phase: { type: "tool-offload.follow-up" } } },
    { role: "user", providerData: null },
  ];
  for (const other of others) expect(followUpOf(other)).toBe(undefined);
});

test("the marker stays at home: no provider is sent it, and one would refuse it", async () => {
  const { tasks, ids } = await ended();
  const input = toInput(await deliveryOf(tasks, ids));
  const sent: unknown[] = [];
  const create = async (body: { input?: unknown; messages?: unknown }) => {
    sent.push(body.input ?? body.messages);
    throw new Error("Enough.");
  };
  const client = { responses: { create }, chat: { completions: { create } } } as never;
  for (const model of [new OpenAIResponsesModel(client, "m"), new OpenAIChatCompletionsModel(client, "m")]) {
    await runner.run(new Agent({ name: "Assistant", model }), input).catch(() => undefined);
  }
  const message = { role: "user", content: input[0]?.content };
  expect(JSON.parse(JSON.stringify(sent))).toEqual([[message], [message]]);
});
