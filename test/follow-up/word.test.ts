import { beforeEach, describe, expect, test } from "vitest";
import { BackgroundTaskManager, type TaskStore } from "../../src/index.ts";
import { controlTools } from "../../src/tools/index.ts";
import { ADA, callOf, ended, inFakeTime, pass, sceneOf, soon } from "../support/scene.ts";
import { STORES } from "../support/stores.ts";
import { complete, inboxOf } from "./processes.ts";

inFakeTime();

describe.each(STORES)("the word of a task, on $name", ({ makeStore }) => {
  let store: TaskStore;
  beforeEach(() => {
    store = makeStore();
  });

  const wordOf = async (tasks: BackgroundTaskManager) => {
    const claim = await inboxOf(tasks).mustClaim("idle");
    return { claim, word: claim.message.marker.tasks[0]?.word ?? expect.unreachable() };
  };

  test("is random, of the task alone, and the same each time its message is made", async () => {
    const tasks = new BackgroundTaskManager({ store });
    await complete(tasks);
    const first = await wordOf(tasks);
    expect(first.word).toMatch(/^[\w-]{21}$/);
    expect(first.claim.messageFor(first.claim.followUps).marker).toEqual(first.claim.message.marker);
    await soon(first.claim.release());
    const again = await wordOf(tasks);
    expect(again.word).toBe(first.word);
    await soon(again.claim.acknowledge());
    await complete(tasks);
    expect((await wordOf(tasks)).word).not.toBe(first.word);
  });

  test("is in no text for the model, and seen by nobody who is not handed the follow-up", async () => {
    const { tasks, offload } = sceneOf({ store });
    const seen: unknown[] = [];
    for (const name of ["task.queued", "task.started", "task.completed", "follow_up.delivered"] as const) {
      tasks.on(name, (update) => void seen.push(update));
    }
    const { id } = await soon(tasks.start(callOf(), async () => "told"));
    await ended(tasks, id);
    const { task_list, task_output, task_stop } = controlTools({ tasks, scope: ADA });
    const { claim, word } = await wordOf(tasks);
    seen.push(claim.message.text, claim.followUps[0]?.task, claim.followUps[0]?.result);
    seen.push(await soon(tasks.get(ADA, id)), await soon(tasks.list(ADA)), await soon(tasks.events(ADA, id)));
    seen.push(await soon(task_list.execute({})), await soon(task_stop.execute({ task_id: id })));
    seen.push(await soon(task_output.execute({ task_id: id })));
    seen.push(await soon(offload.run(callOf({ background: true }), async () => 1)));
    await soon(claim.acknowledge());
    expect(seen.length).toBeGreaterThan(10);
    expect(JSON.stringify(seen)).toContain(id);
    expect(JSON.stringify(seen)).not.toContain(word);
    expect((await soon(store.get(ADA, id)))?.word).toBe(word);
  });

  test("a message that cannot be made gives back what it was to tell", async () => {
    const tasks = new BackgroundTaskManager({ store });
    const { id } = await complete(tasks);
    const { claim } = store;
    // As a store answers that somebody has written to.
    store.claim = async (...given) => {
      const claimed = await claim.apply(store, given);
      return (
        claimed && { ...claimed, tasks: claimed.tasks.map((task) => ({ ...task, toolName: null as never })) }
      );
    };
    const { inbox } = inboxOf(tasks);
    await expect(soon(inbox.claim(ADA, { during: "idle" }))).rejects.toThrow(TypeError);
    store.claim = claim;
    await pass(100);
    expect((await inboxOf(tasks).mustClaim("idle")).followUps).toMatchObject([{ id, attempt: 2 }]);
  });
});
