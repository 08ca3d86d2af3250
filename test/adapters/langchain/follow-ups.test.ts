import { getConfig, MemorySaver } from "@langchain/langgraph";
import { AIMessage, type BaseMessage, HumanMessage } from "langchain";
import { BackgroundTaskManager, TaskOffloadError } from "tool-offload";
import { followUpOf, toInput } from "tool-offload/adapters/langchain";
import { type FollowUpClaim, FollowUpDispatcher, FollowUpInbox } from "tool-offload/follow-up";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { allowWarnings } from "../../support/warnings.ts";
import { asks, aTool, configOf, eventually, lab, latch, says } from "./lab.ts";

let tasks: BackgroundTaskManager;
beforeEach(() => {
  tasks = new BackgroundTaskManager();
});
afterEach(() => tasks.close({ drainMs: 0 }));

type Inbox = Pick<FollowUpInbox, "claim">;

const scopeOf = (thread: string) => ({ userId: "ada", sessionId: thread });
const told = (messages: readonly BaseMessage[]) => messages.filter((message) => followUpOf(message));

async function followUpIn(thread: string) {
  const [task] = (await tasks.list(scopeOf(thread))).tasks;
  return task?.followUp;
}

async function finished(thread: string): Promise<void> {
  const { tasks: all } = await tasks.list(scopeOf(thread));
  await tasks.wait(
    scopeOf(thread),
    all.map(({ id }) => id),
  );
}

/** A result that is due in a thread and may interrupt. */
async function due(thread: string, value: string, name = "report"): Promise<string> {
  const call = { toolName: name, input: {}, scope: scopeOf(thread) };
  const { id } = await tasks.start(call, () => value, { followUp: "interrupt" });
  await finished(thread);
  return id;
}

/** A turn whose slow tool ends while the next tool works; `last` is the model's third step. */
function interrupted(
  last: (shown: BaseMessage[]) => AIMessage,
  inbox: Inbox,
  checkpointer = new MemorySaver(),
) {
  const gate = latch();
  const second = () => {
    gate.resolve("the late value");
    return asks(["two", "meanwhile"]);
  };
  return lab({
    tasks,
    tools: [
      aTool("slow", () => gate.promise),
      aTool("meanwhile", () => finished("t1").then(() => "All have ended.")),
    ],
    steps: [asks(["one", "slow"]), second, last],
    middleware: { timeoutMs: 30, tools: { slow: { followUp: "interrupt" }, meanwhile: { mode: "never" } } },
    inbox,
    checkpointer,
  });
}

/** Does what `deliver` does in the README. */
function dispatcherFor({ agent }: ReturnType<typeof lab>, deliveries: unknown[] = [], config: object = {}) {
  const dispatcher = new FollowUpDispatcher({
    tasks,
    coalesceMs: 10,
    retryMs: 10,
    pollMs: 20,
    async deliver(delivery) {
      const own = { configurable: { thread_id: delivery.scope.sessionId, user_id: "ada" }, ...config };
      const input = toInput(delivery, (await agent.graph.getState(own)).values.messages);
      deliveries.push(input);
      await agent.invoke(input, { ...own, signal: delivery.signal });
    },
  });
  dispatcher.start();
  return dispatcher;
}

describe("a result that comes into the running turn", () => {
  test("is the last message the model is shown, marked, and delivered once the thread holds it", async () => {
    const inbox = new FollowUpInbox({ tasks });
    const { say, shown, messagesOf } = interrupted(() => says("I have it."), inbox);
    expect(await say("t1")).toBe("I have it.");
    const message = shown[2]?.at(-1);
    expect(message).toBeInstanceOf(HumanMessage);
    expect(message?.id).toMatch(/^follow-up-[0-9a-f]{16}$/);
    expect(message?.text).toContain("the late value");
    expect(followUpOf(message ?? {})?.tasks).toMatchObject([{ toolName: "slow", toolCallId: "one" }]);
    expect(told(await messagesOf("t1"))).toHaveLength(1);
    await eventually(async () => expect((await followUpIn("t1"))?.status).toBe("delivered"));
  });

  test("is not acknowledged while its checkpoint is being written", async () => {
    const gate = latch();
    class SlowSaver extends MemorySaver {
      override async put(...args: Parameters<MemorySaver["put"]>) {
        const { messages = [] } = args[1].channel_values as { messages?: BaseMessage[] };
        if (told(messages).length > 0) await gate.promise;
        return super.put(...args);
      }
    }
    const asked = latch();
    const last = () => {
      asked.resolve(undefined);
      return says("I have it.");
    };
    const { say } = interrupted(last, new FollowUpInbox({ tasks }), new SlowSaver());
    const said = say("t1");
    await asked.promise;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await followUpIn("t1"))?.status).toBe("claimed");
    gate.resolve(undefined);
    await said;
    await eventually(async () => expect((await followUpIn("t1"))?.status).toBe("delivered"));
  });

  test("with durability exit, is acknowledged after the run", async () => {
    const states: unknown[] = [];
    const last = () => {
      void followUpIn("t1").then((followUp) => states.push(followUp?.status));
      return says("I have it.");
    };
    const { say } = interrupted(last, new FollowUpInbox({ tasks }));
    await say("t1", { durability: "exit" });
    expect(states).toEqual(["claimed"]);
    await eventually(async () => expect((await followUpIn("t1"))?.status).toBe("delivered"));
  });

  test("is delivered although the run fails after it was written", async () => {
    const fail = () => {
      throw new Error("The model is down.");
    };
    const { say, messagesOf } = interrupted(fail, new FollowUpInbox({ tasks }));
    await expect(say("t1")).rejects.toThrow("The model is down.");
    await eventually(async () => expect((await followUpIn("t1"))?.status).toBe("delivered"));
    expect(told(await messagesOf("t1"))).toHaveLength(1);
  });

  test("goes back where the turn is aborted before the thread holds it", async () => {
    const turn = new AbortController();
    const inbox = new FollowUpInbox({ tasks });
    const abortingInbox: Inbox = {
      async claim(...args) {
        const claim = await inbox.claim(...args);
        if (claim) turn.abort(new Error("The user has left."));
        return claim;
      },
    };
    const { say, messagesOf } = interrupted(() => says("Never said."), abortingInbox);
    await expect(say("t1", { signal: turn.signal })).rejects.toThrow();
    await eventually(async () => {
      expect(await followUpIn("t1")).toMatchObject({ status: "pending", attempts: 1 });
    });
    expect(told(await messagesOf("t1"))).toEqual([]);
  });

  test("stays where its thread is: two at once never see each other's", async () => {
    for (const thread of ["t1", "t2"]) await due(thread, `value of ${thread}`);
    const { agent, shown } = lab({
      tasks,
      steps: [says("One."), says("Two.")],
      inbox: new FollowUpInbox({ tasks }),
    });
    const run = (thread: string) => agent.invoke({ messages: [new HumanMessage(thread)] }, configOf(thread));
    await Promise.all(["t1", "t2"].map(run));
    expect(shown).toHaveLength(2);
    for (const messages of shown) {
      const [own = ""] = messages.filter((one) => /^t\d$/.test(one.text)).map((one) => one.text);
      expect(told(messages).map((one) => /value of (t\d)/.exec(one.text)?.[1])).toEqual([own]);
    }
  });

  test("is looked for by the run's context, outside of the run", async () => {
    const asked: unknown[] = [];
    const claim: Inbox["claim"] = async (...args) => void asked.push(args, getConfig());
    const { agent } = lab({ tasks, steps: [says("Done.")], inbox: { claim } });
    const config = { configurable: { thread_id: "t1" }, context: { userId: "bob" } };
    await agent.invoke({ messages: [new HumanMessage("Go.")] }, config as object);
    expect(asked).toEqual([[{ userId: "bob", sessionId: "t1" }, { during: "turn" }], undefined]);
  });

  test("a store that fails does not break the turn, and other errors do", async () => {
    const failing = (error: Error): Inbox => ({ claim: () => Promise.reject(error) });
    const open = (error: Error) => lab({ tasks, steps: [says("Done.")], inbox: failing(error) });
    expect(await open(new TaskOffloadError("store_failed", "x")).say("t1")).toBe("Done.");
    await expect(open(new Error("A fault.")).say("t1")).rejects.toThrow("A fault.");
  });

  test("needs a checkpointer, and says so", async () => {
    const inbox = new FollowUpInbox({ tasks });
    const { say } = lab({ tasks, steps: [says("Done.")], inbox, checkpointer: false });
    const message = "checkpointer must be given to createAgent where results may interrupt; got undefined.";
    await expect(say("t1")).rejects.toThrow(message);
  });

  test("without it the graph has no step more", () => {
    const hooks = (more: object) =>
      Object.keys(lab({ tasks, steps: [], ...more }).agent.graph.nodes).filter((name) => name.includes("."));
    expect(hooks({})).toEqual([]);
    expect(hooks({ inbox: new FollowUpInbox({ tasks }) })).toEqual(["FollowUpInterrupts.before_model"]);
  });
});

describe("a process that dies between the injection and the acknowledgement", () => {
  /** Nobody hears of its claims again, until they are let go. */
  function dyingInbox(): Inbox {
    const inbox = new FollowUpInbox({ tasks, holdMs: 1_000, leaseMs: 1_000 });
    const never = () => new Promise<boolean>(() => undefined);
    const dead = (claim: FollowUpClaim) => ({ ...claim, acknowledge: never, release: never });
    return {
      claim: async (...args) => {
        const claim = await inbox.claim(...args);
        return claim && dead(claim);
      },
    };
  }

  async function died() {
    const checkpointer = new MemorySaver();
    const { say } = interrupted(() => says("I have it."), dyingInbox(), checkpointer);
    await say("t1");
    expect((await followUpIn("t1"))?.status).toBe("claimed");
    return checkpointer;
  }

  test("its results come again, and the thread holds them once: in a turn of their own", async () => {
    const checkpointer = await died();
    const next = lab({ tasks, steps: [], checkpointer });
    const before = await next.messagesOf("t1");
    const deliveries: unknown[] = [];
    const dispatcher = dispatcherFor(next, deliveries);
    await eventually(async () => {
      expect(await followUpIn("t1")).toMatchObject({ status: "delivered", attempts: 2 });
    });
    expect(deliveries).toEqual([null]);
    expect(next.shown).toEqual([]);
    expect(await next.messagesOf("t1")).toEqual(before);
    await dispatcher.stop();
  });

  test("… in the next running turn", async () => {
    const checkpointer = await died();
    const inbox = new FollowUpInbox({ tasks });
    // Its claim is let go by then.
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    const next = lab({ tasks, steps: [says("Anything else?")], checkpointer, inbox });
    await next.say("t1");
    expect(told(await next.messagesOf("t1"))).toHaveLength(1);
    await eventually(async () => {
      expect(await followUpIn("t1")).toMatchObject({ status: "delivered", attempts: 2 });
    });
  });

  test("… and where the host does not look what the thread holds", async () => {
    const checkpointer = await died();
    const next = lab({ tasks, steps: [says("Again.")], checkpointer });
    const dispatcher = new FollowUpDispatcher({
      tasks,
      pollMs: 20,
      deliver: (delivery) => next.agent.invoke(toInput(delivery), configOf("t1")),
    });
    dispatcher.start();
    await eventually(async () => expect((await followUpIn("t1"))?.status).toBe("delivered"));
    expect(told(await next.messagesOf("t1"))).toHaveLength(1);
    await dispatcher.stop();
  });
});

describe("a turn for late results", () => {
  test("goes on where it has failed, and nothing is said twice", async () => {
    allowWarnings();
    await due("t1", "42");
    let tries = 0;
    const answer = () => {
      tries += 1;
      if (tries === 1) throw new Error("The model is down.");
      return says("It is 42.");
    };
    const world = lab({ tasks, steps: [answer, answer] });
    const deliveries: unknown[] = [];
    const dispatcher = dispatcherFor(world, deliveries);
    await eventually(async () => {
      expect(await followUpIn("t1")).toMatchObject({ status: "delivered", attempts: 2 });
    });
    const messages = await world.messagesOf("t1");
    expect(messages.map(({ type }) => type)).toEqual(["human", "ai"]);
    expect([told(messages).length, deliveries.at(-1)]).toEqual([1, null]);
    await dispatcher.stop();
  });

  test("tells only what the thread does not hold yet", async () => {
    const inbox = new FollowUpInbox({ tasks });
    await due("t1", "first", "one");
    const claim = await inbox.claim(scopeOf("t1"), { during: "idle" });
    const held = (claim && toInput(claim)?.messages) ?? [];
    await claim?.release();
    await due("t1", "second", "two");
    const both = await inbox.claim(scopeOf("t1"), { during: "idle" });
    if (both === undefined) throw new Error("There is nothing.");
    expect(both.followUps).toHaveLength(2);
    const [message, ...more] = toInput(both, held)?.messages ?? [];
    expect(more).toEqual([]);
    expect(followUpOf(message ?? {})?.tasks.map(({ toolName }) => toolName)).toEqual(["two"]);
    const [whole] = toInput(both)?.messages ?? [];
    expect(followUpOf(whole ?? {})?.tasks).toHaveLength(2);
    expect(toInput(both, whole && [whole])).toBe(null);
    await both.acknowledge();
  });

  test("the same results have the same id, in whatever order", async () => {
    const inbox = new FollowUpInbox({ tasks });
    for (const name of ["one", "two"]) await due("t1", name, name);
    const claim = await inbox.claim(scopeOf("t1"), { during: "idle" });
    if (claim === undefined) throw new Error("There is nothing.");
    const idOf = (late: Parameters<typeof toInput>[0]) => toInput(late)?.messages[0]?.id;
    const { followUps, messageFor } = claim;
    expect(idOf({ followUps: [...followUps].reverse(), messageFor })).toBe(idOf(claim));
    expect(idOf({ followUps: followUps.slice(1), messageFor })).not.toBe(idOf(claim));
    await claim.acknowledge();
  });

  test("is bounded in its steps by recursionLimit", async () => {
    await due("t1", "42");
    const again = () => asks(["more", "work"]);
    const world = lab({ tasks, steps: Array(10).fill(again), tools: [aTool("work", () => "x")] });
    const failures: [name: string, requests: number][] = [];
    tasks.on("delivery.failed", ({ error }) => failures.push([(error as Error).name, world.shown.length]));
    const dispatcher = dispatcherFor(world, [], { recursionLimit: 5 });
    await eventually(() => expect(failures[0]?.[0]).toBe("GraphRecursionError"));
    expect(failures[0]?.[1]).toBeLessThanOrEqual(3);
    await dispatcher.stop();
  });

  test("stands before what the user says, where the host asks before the turn", async () => {
    await due("t1", "42");
    const { agent, shown } = lab({ tasks, steps: [says("Both.")] });
    const inbox = new FollowUpInbox({ tasks });
    const claim = await inbox.claim(scopeOf("t1"), { during: "idle" });
    const late = (claim && toInput(claim)?.messages) ?? [];
    await agent.invoke({ messages: [...late, new HumanMessage("And?")] }, configOf("t1"));
    await claim?.acknowledge();
    expect(shown[0]?.map((message) => followUpOf(message) !== undefined)).toEqual([true, false]);
  });
});

test.each([
  ["a user's", new HumanMessage("Hello.")],
  ["a model's", new AIMessage("Hello.")],
  ["another's marker", new HumanMessage({ content: "x", additional_kwargs: { follow_up: { type: "x" } } })],
  ["no", {}],
])("%s message has no marker", (_, message) => {
  expect(followUpOf(message)).toBe(undefined);
});
