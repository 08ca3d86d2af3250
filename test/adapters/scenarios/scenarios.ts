import { expect } from "vitest";
import type { Framework, Message } from "./framework.ts";
import { followUpsIn, toolTexts } from "./history.ts";
import { calls, Scene, SHOT, scope, text } from "./scene.ts";

export interface Terms {
  framework: Framework;
  isStreaming: boolean;
}

const patient = { timeoutMs: 60_000 };

/**
 * What every framework is put through, by name. Each is one conversation with a scripted model, in the
 * framework's own loop.
 */
export const SCENARIOS: Record<string, (terms: Terms) => Promise<void>> = {
  async "a fast call leaves the conversation as it is without us"({ framework, isStreaming }) {
    const steps = [calls(["one", "fast"]), text("Done.")];
    const bare = await Scene.openBare(framework, steps, isStreaming);
    const scene = await Scene.open(framework, { steps, isStreaming });
    expect(await scene.say("Go.")).toBe("Done.");
    expect(await bare.say("Go.")).toBe("Done.");
    expect(await scene.conversation.raw()).toEqual(await bare.conversation.raw());
    expect(scene.shown).toEqual(bare.shown);
    expect(toolTexts(await scene.settled(2))).toEqual({ one: expect.stringContaining("fast one") });
    expect(await scene.listed()).toEqual([]);
    await bare.close();
    await scene.close();
  },

  async "data, and a promise, that can be iterated too are no streams"({ framework, isStreaming }) {
    const steps = [calls(["one", "page"], ["two", "pages"], ["three", "shell"]), text("Done.")];
    const tools = { page: patient, pages: patient, shell: patient };
    const scene = await Scene.open(framework, { steps, isStreaming, tools });
    expect(await scene.say("Go.")).toBe("Done.");
    const { one, two, three } = toolTexts(scene.shown[1] ?? []);
    expect(one).toMatch(/data.*file-1/);
    expect(two).toMatch(/data.*file-1.*file-2/);
    expect(three).toMatch(/hello.*bye.*exitCode/);
    expect(await scene.listed()).toEqual([]);
    await scene.close();
  },

  async "a slow call gets a placeholder, and its result comes in a turn of its own"({
    framework,
    isStreaming,
  }) {
    const steps = [calls(["one", "slow"]), text("I have started it."), text("It is 42.")];
    const scene = await Scene.open(framework, { steps, isStreaming });
    expect(await scene.say("Go.")).toBe("I have started it.");
    const [task] = await scene.listed();
    expect(task).toMatchObject({ status: "running", toolCallId: "one", toolName: "slow" });
    expect(toolTexts(scene.shown[1] ?? []).one).toContain(task?.id);

    scene.slowCalls[0]?.resolve("the answer is 42");
    const history = await scene.settled(3);
    expect(followUpsIn(history)).toEqual([expect.stringContaining("the answer is 42")]);
    expect(followUpsIn(scene.shown[2] ?? [])).toEqual(followUpsIn(history));
    expect(history.at(-1)).toMatchObject({ role: "assistant", text: "It is 42." });
    expect((await scene.listed())[0]?.followUp.status).toBe("delivered");
    await scene.close();
  },

  async "a call with an empty id, which is none, is offloaded as others are"({ framework, isStreaming }) {
    const steps = [calls(["", "slow"]), text("I have started it."), text("It is 42.")];
    const scene = await Scene.open(framework, { steps, isStreaming });
    expect(await scene.say("Go.")).toBe("I have started it.");
    const [task] = await scene.listed();
    expect(task).toMatchObject({ status: "running", toolCallId: task?.id, toolName: "slow" });
    scene.slowCalls[0]?.resolve("the answer is 42");
    expect(followUpsIn(await scene.settled(3))).toEqual([expect.stringContaining("the answer is 42")]);
    await scene.close();
  },

  async "a fast and a slow call of one step: a value and a placeholder, in their order"({
    framework,
    isStreaming,
  }) {
    const steps = [calls(["one", "slow"], ["two", "fast"]), text("Half of it."), text("All of it.")];
    const scene = await Scene.open(framework, { steps, isStreaming });
    expect(await scene.say("Go.")).toBe("Half of it.");
    const [task] = await scene.listed();
    const results = toolTexts(scene.shown[1] ?? []);
    expect(results.one).toContain(task?.id);
    expect(results.two).toContain("fast two");
    scene.slowCalls[0]?.resolve("late value");
    expect(followUpsIn(await scene.settled(3))).toEqual([expect.stringContaining("late value")]);
    await scene.close();
  },

  async "three slow calls that finish together give one more turn"({ framework, isStreaming }) {
    const steps = [
      calls(["one", "slow"], ["two", "slow"], ["three", "slow"]),
      text("Started."),
      text("All three."),
    ];
    const scene = await Scene.open(framework, { steps, isStreaming });
    await scene.say("Go.");
    for (const call of scene.slowCalls) call.resolve(`value of ${call.input.what}`);
    const followUps = followUpsIn(await scene.settled(3));
    expect(followUps).toHaveLength(1);
    for (const name of ["one", "two", "three"]) expect(followUps[0]).toContain(`value of ${name}`);
    await scene.close();
  },

  async "what a tool shows the model, and no more, is what it is shown late"({ framework, isStreaming }) {
    const steps = [calls(["one", "shot"], ["two", "slow_shot"]), text("Started."), text("I see it.")];
    const scene = await Scene.open(framework, { steps, isStreaming, tools: { shot: patient } });
    await scene.say("Go.");
    const fast = scene.shown[1]?.find((message) => message.role === "tool" && message.callId === "one");
    expect(fast).toMatchObject({ text: expect.stringContaining(SHOT.title), images: [SHOT.png] });

    scene.slowCalls[0]?.resolve(SHOT);
    const late = (await scene.settled(3)).find((message) => message.role === "user" && message.isFollowUp);
    expect(late).toMatchObject({ text: expect.stringContaining(SHOT.title), images: [SHOT.png] });
    expect(followUpsIn([late as Message])[0]).toContain("\n[image/png, 2 kB]");
    expect(followUpsIn([late as Message])[0]).not.toContain(SHOT.png);
    expect(scene.shown[2]).toContainEqual(late);
    expect(JSON.stringify(scene.shown)).not.toContain(SHOT.token);
    const [task] = await scene.listed();
    expect(JSON.stringify(await scene.tasks.result(scope, task?.id ?? ""))).toContain(SHOT.png);
    await scene.close();
  },

  async "a tool that fails in time looks as it does without us"({ framework, isStreaming }) {
    const steps = [calls(["one", "broken"]), text("It failed.")];
    const bare = await Scene.openBare(framework, steps, isStreaming);
    const scene = await Scene.open(framework, { steps, isStreaming });
    const outcome = (scene: Scene) => scene.say("Go.").catch((error) => error);
    expect(await outcome(scene)).toEqual(await outcome(bare));
    expect(await scene.conversation.raw()).toEqual(await bare.conversation.raw());
    expect(await scene.listed()).toEqual([]);
    await bare.close();
    await scene.close();
  },

  async "a tool that fails after the hand-over is told of as failed"({ framework, isStreaming }) {
    const steps = [calls(["one", "slow"]), text("Started."), text("It failed.")];
    const scene = await Scene.open(framework, { steps, isStreaming });
    await scene.say("Go.");
    scene.slowCalls[0]?.reject(new Error("The disk is full."));
    expect(followUpsIn(await scene.settled(3))).toEqual([expect.stringContaining("The disk is full.")]);
    expect((await scene.listed())[0]).toMatchObject({ status: "failed", error: { code: "tool_error" } });
    await scene.close();
  },

  async "aborting the turn before the hand-over aborts the tool"({ framework, isStreaming }) {
    const steps = [calls(["one", "slow"]), text("Never said.")];
    const scene = await Scene.open(framework, {
      steps,
      isStreaming,
      tools: { slow: { timeoutMs: 60_000 } },
    });
    const turn = new AbortController();
    const said = scene.say("Go.", { signal: turn.signal }).catch(() => "aborted");
    const [call] = await scene.called(1);
    turn.abort(new Error("The user has left."));
    expect(await said).toBe("aborted");
    expect(call?.signal?.aborted).toBe(true);
    expect(await scene.listed()).toEqual([]);
    await scene.close();
  },

  async "aborting the turn after the hand-over leaves the task alone"({ framework, isStreaming }) {
    const turn = new AbortController();
    const abort = () => {
      turn.abort(new Error("The user has left."));
      return text("Nobody hears this.");
    };
    const steps = [calls(["one", "slow"]), abort, text("Here it is.")];
    const scene = await Scene.open(framework, { steps, isStreaming });
    await scene.say("Go.", { signal: turn.signal }).catch(() => undefined);
    expect(turn.signal.aborted).toBe(true);
    expect(scene.slowCalls[0]?.signal?.aborted).toBe(false);
    expect((await scene.listed())[0]?.status).toBe("running");
    scene.slowCalls[0]?.resolve("it went on");
    expect(followUpsIn(await scene.settled(3))).toEqual([expect.stringContaining("it went on")]);
    await scene.close();
  },

  async "the user speaks again before the result comes"({ framework, isStreaming }) {
    const steps = [calls(["one", "slow"]), text("Started."), text("Still on it."), text("Here it is.")];
    const scene = await Scene.open(framework, { steps, isStreaming });
    await scene.say("Go.");
    expect(await scene.say("And now?")).toBe("Still on it.");
    scene.slowCalls[0]?.resolve("the result");
    const history = await scene.settled(4);
    const words = history.flatMap((message) => (message.role === "user" ? [message.isFollowUp] : []));
    expect(words).toEqual([false, false, true]);
    expect(followUpsIn(history)).toEqual([expect.stringContaining("the result")]);
    await scene.close();
  },

  async "the model stops a task, and hears no more of it"({ framework, isStreaming }) {
    const scene: Scene = await Scene.open(framework, {
      isStreaming,
      steps: [
        calls(["one", "slow"]),
        (shown) => {
          const [id = ""] = /[\w-]{21}/.exec(toolTexts(shown).one ?? "") ?? [];
          return calls(["two", "task_stop", { task_id: id }]);
        },
        text("Stopped."),
      ],
    });
    expect(await scene.say("Go.")).toBe("Stopped.");
    expect(scene.slowCalls[0]?.signal?.aborted).toBe(true);
    const history = await scene.settled(3);
    const [task] = await scene.listed();
    expect(task).toMatchObject({
      status: "cancelled",
      cancel: { by: "model" },
      followUp: { status: "none" },
    });
    expect(toolTexts(history).two).toContain("cancelled");
    expect(followUpsIn(history)).toEqual([]);
    await scene.close();
  },

  async "a result that the model has read comes no second time"({ framework, isStreaming }) {
    const scene: Scene = await Scene.open(framework, {
      isStreaming,
      steps: [
        calls(["one", "slow"]),
        (shown) => {
          const [id = ""] = /[\w-]{21}/.exec(toolTexts(shown).one ?? "") ?? [];
          scene.slowCalls[0]?.resolve("read at once");
          return calls(["two", "task_output", { task_id: id, wait_ms: 5_000 }]);
        },
        text("I have it."),
      ],
    });
    expect(await scene.say("Go.")).toBe("I have it.");
    const history = await scene.settled(3);
    expect(toolTexts(history).two).toContain("read at once");
    expect((await scene.listed())[0]?.followUp).toMatchObject({ status: "dropped", reason: "observed" });
    await scene.close();
  },

  async "a second call of the same joins the first"({ framework, isStreaming }) {
    const same = { what: "the same" };
    const steps = [
      calls(["one", "slow", same]),
      calls(["two", "slow", same]),
      text("Started once."),
      text("Here it is."),
    ];
    const tools = { slow: { onDuplicate: "join" } } as const;
    const scene = await Scene.open(framework, { steps, isStreaming, tools });
    await scene.say("Go.");
    const [task, ...others] = await scene.listed();
    expect(others).toEqual([]);
    expect(scene.slowCalls).toHaveLength(1);
    expect(toolTexts(scene.shown[2] ?? []).two).toContain(task?.id);
    scene.slowCalls[0]?.resolve("only once");
    expect(followUpsIn(await scene.settled(4))).toEqual([expect.stringContaining("only once")]);
    await scene.close();
  },

  async "a result that may interrupt is shown at the next step of the running turn"({
    framework,
    isStreaming,
  }) {
    const scene: Scene = await Scene.open(framework, {
      isStreaming,
      // Long enough that the running turn asks first, and not the dispatcher.
      coalesceMs: 2_000,
      tools: { slow: { followUp: "interrupt" }, meanwhile: { mode: "never" } },
      steps: [
        calls(["one", "slow"]),
        () => {
          scene.slowCalls[0]?.resolve("at once");
          return calls(["two", "meanwhile"]);
        },
        text("I have it already."),
      ],
    });
    expect(await scene.say("Go.")).toBe("I have it already.");
    const history = await scene.settled(3);
    expect(followUpsIn(scene.shown[2] ?? [])).toEqual([expect.stringContaining("at once")]);
    expect(followUpsIn(history)).toEqual([expect.stringContaining("at once")]);
    expect((await scene.listed())[0]?.followUp.status).toBe("delivered");
    await scene.close();
  },

  async "a tool of mode never is waited for"({ framework, isStreaming }) {
    const steps = [calls(["one", "slow"]), text("Done.")];
    const scene = await Scene.open(framework, { steps, isStreaming, tools: { slow: { mode: "never" } } });
    const said = scene.say("Go.");
    const [call] = await scene.called(1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    call?.resolve("waited for");
    expect(await said).toBe("Done.");
    expect(toolTexts(await scene.settled(2)).one).toContain("waited for");
    expect((await scene.tasks.list(scope)).tasks).toEqual([]);
    await scene.close();
  },
};
