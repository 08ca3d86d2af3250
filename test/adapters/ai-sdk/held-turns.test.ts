import { type ModelMessage, tool } from "ai";
import { followUpInterrupts, followUpOf } from "tool-offload/adapters/ai-sdk";
import { FollowUpDispatcher, FollowUpInbox } from "tool-offload/follow-up";
import { describe, expect, test } from "vitest";
import { anything, asks, done, makeOffload, play, scope } from "./lab.ts";
import { VERSIONS } from "./versions.ts";

/** An agent's tool brings a late result at each of its calls. */
function stage() {
  const { tasks } = makeOffload();
  const dig = async () => {
    const call = { toolName: "news", input: {}, scope };
    const { id } = await tasks.start(call, () => "told", { followUp: "interrupt" });
    await tasks.wait(scope, [id]);
    return "dug";
  };
  const tools = { dig: tool({ inputSchema: anything, execute: dig }) };
  const dispatcher = new FollowUpDispatcher({ tasks });
  const states = async () => (await tasks.list(scope)).tasks.map(({ followUp }) => followUp.status);
  return { tasks, tools, dispatcher, states, inbox: new FollowUpInbox({ tasks }) };
}

describe.each(VERSIONS)("late results of several steps, in $name", (version) => {
  test.each([{ isHeld: true }, { isHeld: false }])(
    "come into a turn that is kept at its end, each at its step; in a dispatcher's turn: $isHeld",
    async ({ isHeld }) => {
      const { tasks, tools, dispatcher, states, inbox } = stage();
      let responses: ModelMessage[] = [];
      const turn = async () => {
        const { prepareStep, save } = followUpInterrupts({ inbox, scope });
        const keeping = version.keeping((soFar) => {
          responses = soFar;
        });
        const script = [asks("dig", "one"), asks("dig", "two"), done];
        const { shown } = await play(tools, script, { prepareStep, ...keeping }, version);
        const late = shown.map((messages) => messages.filter((one) => "isFollowUp" in one && one.isFollowUp));
        expect(late.map(({ length }) => length)).toEqual([0, 1, 2]);
        return save(responses, (messages) => messages);
      };
      const kept = await (isHeld ? dispatcher.turn(scope, turn) : turn());
      expect(kept.map((message) => (followUpOf(message) ? "late" : message.role))).toEqual([
        ...["assistant", "tool", "late"],
        ...["assistant", "tool", "late"],
        "assistant",
      ]);
      expect(await states()).toEqual(["delivered", "delivered"]);
      await dispatcher.stop();
      await tasks.close({ drainMs: 0 });
    },
  );

  test("stay told as far as a step has kept them, where the user aborts the turn at the next", async () => {
    const { tasks, tools, dispatcher, states, inbox } = stage();
    const user = new AbortController();
    const turn = dispatcher.turn(scope, async ({ signal }) => {
      const { prepareStep, save, release } = followUpInterrupts({ inbox, scope });
      const keeping = version.keeping(async (soFar) => {
        if (soFar.length <= 4) await save(soFar, (messages) => messages);
      });
      const abort = () => {
        user.abort(new Error("The user has left."));
        return done;
      };
      const abortSignal = AbortSignal.any([signal, user.signal]);
      const script = [asks("dig", "one"), asks("dig", "two"), abort];
      try {
        await play(tools, script, { prepareStep, abortSignal, ...keeping }, version);
        user.signal.throwIfAborted();
      } finally {
        await release();
      }
    });
    await expect(turn).rejects.toThrow();
    // The second was shown, and not kept.
    await dispatcher.turn(scope, ({ followUps }) => expect(followUps).toHaveLength(1));
    expect((await states()).at(-1)).toBe("delivered");
    await dispatcher.stop();
    await tasks.close({ drainMs: 0 });
  });
});
