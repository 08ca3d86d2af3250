import { Agent, MemorySession, RunContext, RunState } from "@openai/agents";
import { assistantMessage, functionCall, ScriptedModel } from "@openai/agents/testing";
import { TaskOffloadError } from "tool-offload";
import { afterTools, followUpInterrupts, followUpOf, toInput } from "tool-offload/adapters/openai-agents";
import { FollowUpInbox } from "tool-offload/follow-up";
import { expect, test, vi } from "vitest";
import { open, runner, saying, scope, toolFor } from "./stage.ts";

type ScopeOption = Parameters<typeof followUpInterrupts>[0]["scope"];

/** A turn of one step and a text, with a result that waits to interrupt it. */
async function stage({ maxTurns = 10, texts = ["Done."] } = {}) {
  const { tasks, offload } = open({ tools: { dig: { followUp: "interrupt", mode: "always" } } });
  const outcome = await offload.run({ toolName: "dig", input: {}, scope }, async () => "gold");
  const id = outcome.status === "offloaded" ? outcome.task.id : "";
  await tasks.wait(scope, [id]);
  const inbox = new FollowUpInbox({ tasks });
  const model = new ScriptedModel([
    [functionCall("look", {}, { callId: "one" })],
    ...texts.map((text) => [assistantMessage(text)]),
  ]);
  const session = new MemorySession({ initialItems: [{ role: "user", content: "Go." }] });
  const run = async (
    own: Pick<FollowUpInbox, "claim"> = inbox,
    { kept = true, scope: ownScope = scope as ScopeOption, stream = false } = {},
  ) => {
    const interrupts = followUpInterrupts({ inbox: own, scope: ownScope });
    const toolUseBehavior = afterTools("run_llm_again", interrupts);
    const agent = new Agent({
      name: "Assistant",
      model,
      tools: [toolFor("look", () => "dark")],
      toolUseBehavior,
    });
    const runContext = new RunContext();
    const state = new RunState(runContext, await session.getItems(), agent, maxTurns);
    if (!kept) return interrupts.during({ runContext, state }, () => runner.run(agent, state));
    const turn = { runContext, state, session };
    if (!stream) return interrupts.during(turn, () => runner.run(agent, state, { session }));
    return interrupts.during(turn, async () => {
      const result = await runner.run(agent, state, { session, stream: true });
      await result.completed;
      return result;
    });
  };
  const followUp = async () => (await tasks.get(scope, id))?.followUp;
  return { tasks, id, inbox, model, session, run, followUp };
}

async function kindsIn(session: MemorySession) {
  const items = await session.getItems();
  return items.map((item) => (followUpOf(item) ? "notice" : "role" in item ? item.role : item.type));
}

test("a result in a running turn stands after its step, and is acknowledged at its end", async () => {
  const { run, session, followUp } = await stage();
  expect((await run()).finalOutput).toBe("Done.");
  const kinds = ["user", "function_call", "function_call_result", "notice", "assistant"];
  expect(await kindsIn(session)).toEqual(kinds);
  expect(await followUp()).toMatchObject({ status: "delivered", attempts: 1 });
});

test("a turn that streams has ended when all of it has come", async () => {
  const { run, session, followUp } = await stage();
  expect((await run(undefined, { stream: true })).finalOutput).toBe("Done.");
  expect(await kindsIn(session)).toContain("notice");
  expect(await followUp()).toMatchObject({ status: "delivered", attempts: 1 });
});

test("a turn that has no step left gives the result back", async () => {
  const { run, session, followUp } = await stage({ maxTurns: 1, texts: [] });
  await expect(run()).rejects.toThrow("Max turns (1) exceeded");
  expect(await kindsIn(session)).not.toContain("notice");
  expect(await followUp()).toMatchObject({ status: "pending", attempts: 1 });
});

test("a turn that fails after it has kept the result has been told it", async () => {
  const { run, session, model, followUp } = await stage({ texts: [] });
  model.enqueue({ type: "error", error: new Error("The model is down.") });
  await expect(run()).rejects.toThrow("The model is down.");
  expect(await kindsIn(session)).toContain("notice");
  expect(await followUp()).toMatchObject({ status: "delivered" });
});

test("a turn without a session is kept in its state, but not where it fails", async () => {
  const failing = await stage({ texts: [] });
  failing.model.enqueue({ type: "error", error: new Error("The model is down.") });
  await expect(failing.run(failing.inbox, { kept: false })).rejects.toThrow("The model is down.");
  expect(await failing.followUp()).toMatchObject({ status: "pending", attempts: 1 });
  const good = await stage();
  await good.run(good.inbox, { kept: false });
  expect(await good.followUp()).toMatchObject({ status: "delivered" });
});

test("a store that does not answer when a result is settled holds no turn up for long", async () => {
  const { inbox, run } = await stage();
  const acknowledge = vi.fn(() => new Promise<boolean>(() => undefined));
  const broken: Pick<FollowUpInbox, "claim"> = {
    async claim(...given) {
      const claimed = await inbox.claim(...given);
      return claimed && { ...claimed, acknowledge };
    },
  };
  const startedAt = Date.now();
  expect((await run(broken)).finalOutput).toBe("Done.");
  expect(Date.now() - startedAt).toBeLessThan(10_000);
  expect(acknowledge).toHaveBeenCalledOnce();
});

test("a wrong scope from the context fails the run, naming the field", async () => {
  const { run, inbox } = await stage();
  await expect(run(inbox, { scope: () => ({ userId: "" }) })).rejects.toThrow("scope.userId");
});

test("what the session knows already is not said twice", async () => {
  const { run, session, inbox, followUp } = await stage();
  const claim = await inbox.claim(scope, { during: "turn" });
  await session.addItems(toInput(claim ?? expect.unreachable()));
  await claim?.release();
  await run();
  expect((await kindsIn(session)).filter((kind) => kind === "notice")).toHaveLength(1);
  expect(await followUp()).toMatchObject({ status: "delivered" });
});

test("an inbox that fails breaks no turn", async () => {
  const { run, followUp } = await stage();
  const broken = { claim: () => Promise.reject(new TaskOffloadError("store_failed", "The store is down.")) };
  expect((await run(broken)).finalOutput).toBe("Done.");
  expect(await followUp()).toMatchObject({ status: "pending", attempts: 0 });
});

test("a result is given back where its turn can no longer be read", async () => {
  const { run, session, followUp } = await stage();
  const getItems = session.getItems.bind(session);
  let reads = 0;
  session.getItems = async (limit) => {
    reads += 1;
    if (reads > 1) throw new Error("The session is gone.");
    return getItems(limit);
  };
  expect((await run()).finalOutput).toBe("Done.");
  expect(await followUp()).toMatchObject({ status: "pending", attempts: 1 });
});

test("a state that takes no input any more breaks no turn, and gives the result back", async () => {
  const { inbox, model, session, followUp } = await stage();
  const over = new RunState(
    new RunContext(),
    "Hello.",
    new Agent({ name: "Other", model: saying("Hello.") }),
    10,
  );
  await runner.run(over._currentAgent, over);
  const interrupts = followUpInterrupts({ inbox, scope });
  const toolUseBehavior = afterTools("run_llm_again", interrupts);
  const agent = new Agent({
    name: "Assistant",
    model,
    tools: [toolFor("look", () => "dark")],
    toolUseBehavior,
  });
  const context = new RunContext();
  const turn = { runContext: context, state: over, session };
  const { finalOutput } = await interrupts.during(turn, () => runner.run(agent, "Go.", { session, context }));
  expect(finalOutput).toBe("Done.");
  expect(await followUp()).toMatchObject({ status: "pending", attempts: 1 });
});

test("a turn that was not announced is not interrupted", async () => {
  const { inbox, model, followUp } = await stage();
  const interrupts = followUpInterrupts({ inbox, scope });
  const toolUseBehavior = afterTools("run_llm_again", interrupts);
  const agent = new Agent({
    name: "Assistant",
    model,
    tools: [toolFor("look", () => "dark")],
    toolUseBehavior,
  });
  expect((await runner.run(agent, "Go.")).finalOutput).toBe("Done.");
  expect(await followUp()).toMatchObject({ status: "pending", attempts: 0 });
});

test.each([
  [undefined, "options must be an object; got undefined."],
  [{ inbox: {}, scope }, "inbox must be a FollowUpInbox; got an object."],
  [
    { inbox: { claim: async () => undefined }, scope: { userId: 5 } },
    "scope.userId must be a non-empty string; got 5.",
  ],
  [{ inboxes: 1 }, "inboxes is not an option; there are inbox, scope."],
])("odd options: %j", (options, message) => {
  expect(() => followUpInterrupts(options as never)).toThrow(
    expect.objectContaining({ code: "invalid_option", message }),
  );
});
