import { MemorySaver } from "@langchain/langgraph";
import { BackgroundTaskManager } from "tool-offload";
import { followUpOf } from "tool-offload/adapters/langchain";
import { FollowUpDispatcher, FollowUpInbox } from "tool-offload/follow-up";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { asks, aTool, eventually, lab, latch, says, scope } from "./lab.ts";

let tasks: BackgroundTaskManager;
let dispatcher: FollowUpDispatcher;
const deliver = vi.fn();
beforeEach(() => {
  deliver.mockClear();
  tasks = new BackgroundTaskManager();
  dispatcher = new FollowUpDispatcher({ tasks, coalesceMs: 0, retryMs: 0, deliver }).start();
});
afterEach(async () => {
  await dispatcher.stop();
  await tasks.close({ drainMs: 0 });
});

/** A turn into which a result comes at its second step; `last` is the third. */
function interrupted({ last = () => says("I have it."), checkpointer = new MemorySaver() } = {}) {
  let id = "";
  const dig = async () => {
    const call = { toolName: "dig", input: {}, scope };
    ({ id } = await tasks.start(call, () => "gold", { followUp: "interrupt" }));
    await tasks.wait(scope, [id]);
    return "dug";
  };
  const inbox = new FollowUpInbox({ tasks });
  const steps = [asks(["one", "work"]), last];
  const world = lab({ tasks, tools: [aTool("work", dig)], steps, inbox, checkpointer });
  const followUp = async () => (await tasks.get(scope, id))?.followUp;
  return { ...world, followUp };
}

/** A turn of the dispatcher's in which the agent runs. */
const turn = ({ say }: ReturnType<typeof lab>, config: object = {}) =>
  dispatcher.turn(scope, ({ signal }) => say("t1", { signal, ...config }));

test("with durability exit, is acknowledged before the turn ends, and does not come again", async () => {
  const world = interrupted();
  expect(await turn(world, { durability: "exit" })).toBe("I have it.");
  // The next turn begins when the last has ended.
  await dispatcher.turn(scope, ({ followUps }) => expect(followUps).toEqual([]));
  expect(await world.followUp()).toMatchObject({ status: "delivered", attempts: 0 });
  expect(deliver).not.toHaveBeenCalled();
});

test("is acknowledged though its checkpoint is written last, and the model fails", async () => {
  const written = latch();
  class SlowSaver extends MemorySaver {
    override async put(...args: Parameters<MemorySaver["put"]>) {
      const { messages = [] } = args[1].channel_values as { messages?: object[] };
      if (messages.some(followUpOf)) await written.promise;
      return super.put(...args);
    }
  }
  const last = () => {
    // Longer than the first looks at the thread.
    setTimeout(written.resolve, 200);
    throw new Error("The model is down.");
  };
  const world = interrupted({ last, checkpointer: new SlowSaver() });
  await expect(turn(world)).rejects.toThrow("The model is down.");
  await dispatcher.turn(scope, ({ followUps }) => expect(followUps).toEqual([]));
  expect(await world.followUp()).toMatchObject({ status: "delivered", attempts: 0 });
  expect(deliver).not.toHaveBeenCalled();
});

test("comes again at the end of a turn of which nobody can say what it has kept", async () => {
  const checkpointer = new MemorySaver();
  const last = () => {
    vi.spyOn(checkpointer, "getTuple").mockRejectedValue(new Error("The database is gone."));
    throw new Error("The model is down.");
  };
  const world = interrupted({ last, checkpointer });
  await expect(turn(world, { durability: "exit" })).rejects.toThrow("The model is down.");
  await eventually(async () => expect((await world.followUp())?.status).toBe("delivered"));
  expect(deliver).toHaveBeenCalledOnce();
});
