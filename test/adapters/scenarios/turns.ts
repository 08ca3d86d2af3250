import { setTimeout as sleep } from "node:timers/promises";
import { expect, vi } from "vitest";
import { followUpsIn } from "./history.ts";
import type { Terms } from "./scenarios.ts";
import { calls, Scene, scope, text } from "./scene.ts";

/** Longer than a completion waits for others, and than a busy session is left alone. */
const A_WHILE_MS = 200;
const failure = new Error("The provider is down.");

/** What every framework is put through where turns of one session meet, fail and are broken off. */
export const TURN_SCENARIOS: Record<string, (terms: Terms) => Promise<void>> = {
  async "the user speaks while an automatic turn runs, and is heard after it"({ framework, isStreaming }) {
    const scene = await Scene.open(framework, { steps: automaticTurnThatHolds(), isStreaming });
    await scene.say("Go.");
    scene.slowCalls[0]?.resolve("the answer is 42");
    const call = await scene.held();
    const said = scene.say("Thanks.");
    await sleep(A_WHILE_MS);
    expect(scene.shown).toHaveLength(3);
    call.resolve("held no longer");
    expect(await said).toBe("You are welcome.");
    expect(wordsOf(await scene.settled(5))).toEqual([
      "Go.",
      "Started.",
      "(late)",
      "It is 42.",
      "Thanks.",
      "You are welcome.",
    ]);
    await scene.close();
  },

  async "the user speaks in another process than the one that runs an automatic turn"({
    framework,
    isStreaming,
  }) {
    const steps = automaticTurnThatHolds();
    const scene = await Scene.open(framework, { steps, isStreaming, processes: 2 });
    await scene.say("Go.");
    scene.slowCalls[0]?.resolve("the answer is 42");
    const call = await scene.held();
    const [at = 0] = scene.running;
    const said = scene.say("Thanks.", { process: 1 - at });
    await sleep(A_WHILE_MS);
    expect(scene.shown).toHaveLength(3);
    call.resolve("held no longer");
    expect(await said).toBe("You are welcome.");
    expect(wordsOf(await scene.settled(5)).slice(-2)).toEqual(["Thanks.", "You are welcome."]);
    await scene.close();
  },

  async "a result that comes while the user's turn runs waits for its end, in all processes"({
    framework,
    isStreaming,
  }) {
    const steps = [
      calls(["one", "slow"]),
      text("Started."),
      calls(["two", "held"]),
      text("I have looked."),
      text("It is 42."),
    ];
    const scene = await Scene.open(framework, { steps, isStreaming, processes: 2 });
    await scene.say("Go.");
    const said = scene.say("Look.", { process: 1 });
    const call = await scene.held();
    scene.slowCalls[0]?.resolve("the answer is 42");
    await sleep(A_WHILE_MS);
    expect((await scene.listed())[0]).toMatchObject({ status: "completed", followUp: { status: "pending" } });
    expect(scene.shown).toHaveLength(3);
    call.resolve("held no longer");
    expect(await said).toBe("I have looked.");
    expect(wordsOf(await scene.settled(5)).slice(-2)).toEqual(["(late)", "It is 42."]);
    await scene.close();
  },

  async "a provider that fails before it answers: the result comes again, and is told once"(terms) {
    await withFailingTurn(terms, () => {
      throw failure;
    });
  },

  async "a provider that fails in mid-stream: the result comes again, and is told once"(terms) {
    await withFailingTurn(terms, () => ({ text: "It", failure }));
  },

  async "a provider that fails while the user speaks: what waited is told in the next turn"({
    framework,
    isStreaming,
  }) {
    const steps = [
      calls(["one", "slow"]),
      text("Started."),
      { text: "Wel", failure },
      text("It was stopped."),
    ];
    const scene = await Scene.open(framework, { steps, isStreaming });
    await scene.say("Go.");
    await stopped(scene);
    await expect(scene.say("Thanks.")).rejects.toThrow("The provider is down.");
    expect(await scene.say("Once more.")).toBe("It was stopped.");
    expect(followUpsIn(scene.shown[3] ?? [])).toEqual([expect.stringContaining("cancelled")]);
    expect(followUpsIn(await scene.settled(4))).toHaveLength(1);
    await scene.close();
  },

  async "a task that the user stopped wakes nobody, and is told in the next turn"({
    framework,
    isStreaming,
  }) {
    const steps = [calls(["one", "slow"]), text("Started."), text("You have stopped it.")];
    const scene = await Scene.open(framework, { steps, isStreaming });
    await scene.say("Go.");
    await stopped(scene);
    await sleep(A_WHILE_MS);
    expect(scene.shown).toHaveLength(2);
    expect(await scene.say("And now?")).toBe("You have stopped it.");
    const history = await scene.settled(3);
    expect(followUpsIn(scene.shown[2] ?? [])).toEqual([expect.stringContaining("cancelled")]);
    expect(followUpsIn(history)).toEqual(followUpsIn(scene.shown[2] ?? []));
    expect((await scene.listed())[0]?.followUp.status).toBe("delivered");
    await scene.close();
  },

  async "a turn that the user preempts is broken off, and its results are told in the user's"({
    framework,
    isStreaming,
  }) {
    const steps = [
      calls(["one", "slow"]),
      text("Started."),
      calls(["two", "held"]),
      text("It is 42, and I have stopped."),
    ];
    const scene = await Scene.open(framework, { steps, isStreaming });
    await scene.say("Go.");
    scene.slowCalls[0]?.resolve("the answer is 42");
    const call = await scene.held();
    expect(await scene.say("Wait!", { whenBusy: "preempt" })).toBe("It is 42, and I have stopped.");
    expect(call.signal?.aborted).toBe(true);
    expect(followUpsIn(scene.shown[3] ?? [])).toEqual([expect.stringContaining("the answer is 42")]);
    expect(followUpsIn(await scene.settled(4))).toHaveLength(1);
    await scene.close();
  },

  async "a turn that is aborted after a step was kept has told what that step was shown"({
    framework,
    isStreaming,
  }) {
    const user = new AbortController();
    const scene: Scene = await Scene.open(framework, {
      isStreaming,
      coalesceMs: 2_000,
      tools: { slow: { followUp: "interrupt" }, meanwhile: { mode: "never" } },
      steps: [
        calls(["one", "slow"]),
        () => {
          scene.slowCalls[0]?.resolve("at once");
          return calls(["two", "meanwhile"]);
        },
        calls(["three", "held"]),
        () => {
          user.abort(new Error("The user has left."));
          return text("Nobody hears this.");
        },
        text("You know it already."),
      ],
    });
    const said = scene.say("Go.", { signal: user.signal }).catch(() => undefined);
    const call = await scene.held();
    call.resolve("held no longer");
    await said;
    expect(followUpsIn(scene.shown[2] ?? [])).toEqual([expect.stringContaining("at once")]);
    await vi.waitFor(async () => expect((await scene.listed())[0]?.followUp.status).toBe("delivered"));
    expect(await scene.say("And now?")).toBe("You know it already.");
    expect(followUpsIn(scene.shown[4] ?? [])).toEqual([expect.stringContaining("at once")]);
    expect(followUpsIn(await scene.settled(5))).toEqual([expect.stringContaining("at once")]);
    await scene.close();
  },
};

/** The user's turn; the automatic one, which waits for a tool; and the user's next. */
function automaticTurnThatHolds() {
  return [
    calls(["one", "slow"]),
    text("Started."),
    calls(["two", "held"]),
    text("It is 42."),
    text("You are welcome."),
  ];
}

async function withFailingTurn({ framework, isStreaming }: Terms, fail: () => ReturnType<typeof text>) {
  const steps = [calls(["one", "slow"]), text("Started."), fail, text("It is 42.")];
  const scene = await Scene.open(framework, { steps, isStreaming });
  const errors: unknown[] = [];
  scene.tasks.on("delivery.failed", ({ error }) => errors.push(error));
  await scene.say("Go.");
  scene.slowCalls[0]?.resolve("the answer is 42");
  const history = await scene.settled(4);
  expect(errors).toEqual([expect.objectContaining({ message: "The provider is down." })]);
  expect(followUpsIn(scene.shown[3] ?? [])).toEqual([expect.stringContaining("the answer is 42")]);
  expect(wordsOf(history)).toEqual(["Go.", "Started.", "(late)", "It is 42."]);
  await scene.close();
}

async function stopped(scene: Scene): Promise<void> {
  const [task] = await scene.listed();
  await scene.tasks.cancel(scope, task?.id ?? "", { by: "user" });
  await scene.tasks.wait(scope, [task?.id ?? ""]);
}

/** What was said, in order. */
function wordsOf(history: Awaited<ReturnType<Scene["settled"]>>): string[] {
  return history.flatMap((message) => {
    if (message.role === "tool" || message.text === "") return [];
    return message.role === "user" && message.isFollowUp ? ["(late)"] : [message.text];
  });
}
