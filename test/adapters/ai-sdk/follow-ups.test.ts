import { convertToModelMessages, type ModelMessage, tool, type UIMessage, validateUIMessages } from "ai";
import { TaskOffloadError } from "tool-offload";
import {
  followUpInterrupts,
  followUpOf,
  offloadTools,
  type TaskDataParts,
  taskPart,
  taskTools,
  toModelMessage,
  toUIMessage,
} from "tool-offload/adapters/ai-sdk";
import { type FollowUpClaim, FollowUpInbox } from "tool-offload/follow-up";
import { describe, expect, test, vi } from "vitest";
import { faultOfHistory } from "../scenarios/history.ts";
import { anything, asks, call, makeOffload, play, scope } from "./lab.ts";
import { toMessages } from "./model.ts";
import { VERSIONS } from "./versions.ts";

/** Tasks of the user's session that have ended, and an inbox for them. */
async function ended(...names: string[]) {
  const { tasks, offload } = makeOffload({ tools: { news: { followUp: "interrupt" } } });
  const finish = async (name: string) => {
    const task = await offload.run(
      { toolName: "news", input: {}, scope, background: true },
      () => `${name} told`,
    );
    if (task.status === "offloaded") await tasks.wait(scope, [task.task.id]);
  };
  for (const name of names) await finish(name);
  const inbox = new FollowUpInbox({ tasks });
  const claim = async () => (await inbox.claim(scope, { during: "idle" })) as FollowUpClaim;
  const states = async () => (await tasks.list(scope)).tasks.map(({ followUp }) => followUp);
  return { tasks, offload, inbox, finish, claim, states };
}

describe("a message of late results", () => {
  test.each(VERSIONS)(
    "is marked, in the model's form and in the page's, and the one becomes the other: $name",
    async ({ ai }) => {
      const { claim, tasks } = await ended("build");
      const claimed = await claim();
      const news = { ...claimed, messageFor: () => claimed.message };
      const page = toUIMessage(news);
      const model = toModelMessage(news);
      expect(page).toMatchObject({
        id: expect.stringMatching(/^follow-up-\w{16}$/),
        role: "user",
        parts: [{ text: news.message.text }],
      });
      expect(followUpOf(page ?? { role: "" })).toEqual(news.message.marker);
      const [stored] = await ai.validateUIMessages({ messages: JSON.parse(JSON.stringify([page])) });
      const [converted] = await ai.convertToModelMessages([stored as UIMessage]);
      expect(converted).toEqual(model);
      expect(followUpOf(converted as ModelMessage)).toEqual(news.message.marker);
      await tasks.close({ drainMs: 0 });
    },
  );

  test.each(VERSIONS)("has its images in both forms: $name", async ({ ai }) => {
    const { claim, tasks } = await ended("build");
    const claimed = await claim();
    const image = { type: "media", mediaType: "image/png", data: "iVBORw0KGgo=" } as const;
    const news = { ...claimed, messageFor: () => ({ ...claimed.message, media: [image] }) };
    const model = toModelMessage(news);
    const file = { type: "file", mediaType: "image/png", data: "data:image/png;base64,iVBORw0KGgo=" };
    expect(model?.content).toEqual([expect.objectContaining({ type: "text" }), file]);
    const page = JSON.parse(JSON.stringify([toUIMessage(news)]));
    const [stored] = await ai.validateUIMessages({ messages: page });
    const [converted] = await ai.convertToModelMessages([stored as UIMessage]);
    expect(converted?.content[1]).toMatchObject({ type: "file", mediaType: "image/png" });
    expect(JSON.stringify(converted?.content[1])).toContain(file.data);
    await tasks.close({ drainMs: 0 });
  });

  test.each([
    { role: "user", content: "Hello." },
    { role: "user", content: [{ type: "text", text: "Hello.", providerOptions: { openai: {} } }] },
    { role: "user", parts: [null, { type: "text", text: "Hello.", providerMetadata: { toolOffload: {} } }] },
    { role: "assistant", parts: [{ providerMetadata: { toolOffload: { type: "tool-offload.follow-up" } } }] },
    { role: "system", content: "Be kind." },
    { role: "user" },
  ])("is no other message: %o", (message) => {
    expect(followUpOf(message)).toBe(undefined);
  });

  test("leaves out what the conversation holds, in either form, and is none where that is all", async () => {
    const { claim, tasks } = await ended("build", "test");
    const news = await claim();
    const [first] = news.followUps;
    const held = toUIMessage({ ...news, followUps: [first as (typeof news.followUps)[number]] });
    const rest = toModelMessage(news, [{ role: "user", content: "Hello." }, held ?? { role: "" }]);
    expect(followUpOf(rest ?? { role: "" })?.tasks.map(({ id }) => id)).toEqual([news.followUps[1]?.id]);
    const all = [held, rest].flatMap((message) => message ?? []);
    expect([toModelMessage(news, all), toUIMessage(news, all)]).toEqual([undefined, undefined]);
    await tasks.close({ drainMs: 0 });
  });
});

test("a task as a part of a page's message is valid, keeps what is the host's own, and no model is shown it", async () => {
  const { tasks } = makeOffload();
  const started = await tasks.start(
    { toolName: "it", input: {}, scope, metadata: { own: 1 } },
    () => "value",
  );
  const part = taskPart(started);
  expect(part).toMatchObject({ type: "data-task", id: started.id, data: { id: started.id, toolName: "it" } });
  expect(part.data).not.toHaveProperty("metadata");
  const messages: UIMessage<unknown, TaskDataParts>[] = [
    { id: "1", role: "assistant", parts: [{ type: "text", text: "Started." }, part] },
  ];
  await expect(validateUIMessages({ messages })).resolves.toEqual(messages);
  expect(await convertToModelMessages(messages)).toEqual([
    { role: "assistant", content: [{ type: "text", text: "Started." }] },
  ]);
  await tasks.close({ drainMs: 0 });
});

describe("late results in a running turn", () => {
  const tools = { look: tool({ inputSchema: anything, execute: async () => "seen" }) };
  const done = { text: "Done." };

  test.each(VERSIONS)(
    "stay in their place, at later steps and in what is kept, and are acknowledged after that: $name",
    async (version) => {
      const { inbox, states, tasks, finish } = await ended();
      const claims = vi.spyOn(inbox, "claim");
      const followUps = followUpInterrupts({ inbox, scope });
      const { prepareStep } = followUps;
      const script = [asks("look"), asks("look", "two"), asks("look", "three"), done];
      const prepared = async (step: Parameters<typeof prepareStep>[0] & { stepNumber: number }) => {
        if (step.stepNumber === 1) await finish("build");
        return prepareStep(step);
      };
      let responses: ModelMessage[] = [];
      const keeping = version.keeping((soFar) => {
        responses = soFar;
      });
      const { shown } = await play(tools, script, { prepareStep: prepared as never, ...keeping }, version);
      const roles = (messages: { role: string }[]) => messages.map(({ role }) => role).join(" ");
      expect(shown.map(roles)).toEqual([
        "user",
        "user assistant tool user",
        "user assistant tool user assistant tool",
        "user assistant tool user assistant tool assistant tool",
      ]);
      expect(await states()).toMatchObject([{ status: "claimed" }]);
      // With one in hand, nobody is asked for more.
      expect(claims).toHaveBeenCalledTimes(2);
      const write = vi.fn(async (messages: ModelMessage[]) => {
        expect(await states()).toMatchObject([{ status: "claimed" }]);
        return messages;
      });
      const kept = await followUps.save(responses, write);
      expect(await states()).toMatchObject([{ status: "delivered", attempts: 1 }]);
      expect(roles(kept)).toBe("assistant tool user assistant tool assistant tool assistant");
      expect(faultOfHistory(kept.flatMap(toMessages))).toBe(undefined);
      expect(kept.filter(followUpOf)).toHaveLength(1);
      await tasks.close({ drainMs: 0 });
    },
  );

  test("come again, where keeping the turn failed", async () => {
    const { inbox, states, tasks, claim } = await ended("build");
    const followUps = followUpInterrupts({ inbox, scope });
    const { result } = await play(tools, [done], { prepareStep: followUps.prepareStep });
    const save = followUps.save(result.responseMessages, () =>
      Promise.reject(new Error("The disk is full.")),
    );
    await expect(save).rejects.toThrow("The disk is full.");
    expect(await states()).toMatchObject([{ status: "pending", attempts: 1 }]);
    expect((await claim()).followUps[0]?.attempt).toBe(2);
    await tasks.close({ drainMs: 0 });
  });

  test("come again, where the turn broke before the model had answered them, and are not kept", async () => {
    const { inbox, states, tasks, finish } = await ended();
    const followUps = followUpInterrupts({ inbox, scope });
    const kept: ModelMessage[] = [];
    const breaks = async () => {
      await finish("build");
      return "seen";
    };
    const turn = play({ look: { ...tools.look, execute: breaks } }, [asks("look")], {
      prepareStep: followUps.prepareStep,
      onStepEnd: ({ response }) => void kept.push(...response.messages),
    });
    await expect(turn).rejects.toThrow("more often");
    expect(await states()).toMatchObject([{ status: "claimed" }]);
    const saved = await followUps.save(kept, (messages) => messages);
    expect(saved.map(({ role }) => role)).toEqual(["assistant", "tool"]);
    expect(await states()).toMatchObject([{ status: "pending" }]);
    await tasks.close({ drainMs: 0 });
  });

  test("come again at once, where nothing is kept", async () => {
    const { inbox, states, tasks } = await ended("build");
    const followUps = followUpInterrupts({ inbox, scope });
    await play(tools, [done], { prepareStep: followUps.prepareStep });
    await followUps.release();
    expect(await states()).toMatchObject([{ status: "pending" }]);
    await tasks.close({ drainMs: 0 });
  });

  test.each(VERSIONS)(
    "come more than once in a turn that is kept step by step, each once: $name",
    async (version) => {
      const { inbox, states, tasks, finish } = await ended("build");
      const followUps = followUpInterrupts({ inbox, scope });
      let kept: ModelMessage[] = [];
      const keeping = version.keeping(async (soFar) => {
        kept = await followUps.save(soFar, (all) => all);
        if (soFar.length === 2) await finish("test");
      });
      const { prepareStep } = followUps;
      await play(tools, [asks("look"), done], { prepareStep, ...keeping }, version);
      expect(kept.map((message) => followUpOf(message)?.tasks.length ?? message.role)).toEqual([
        1,
        "assistant",
        "tool",
        1,
        "assistant",
      ]);
      expect(await states()).toMatchObject([{ status: "delivered" }, { status: "delivered" }]);
      await tasks.close({ drainMs: 0 });
    },
  );

  test("that were not kept are no more than claimed where the framework carries them on, until they are", async () => {
    const { inbox, states, tasks } = await ended("build");
    const { prepareStep, save, release } = followUpInterrupts({ inbox, scope });
    const responseMessages: { role: string }[] = [];
    const shown = async (messages: { role: string }[]) => {
      const step = { messages, steps: [], responseMessages: [...responseMessages] };
      const prepared = (await prepareStep(step))?.messages ?? messages;
      responseMessages.push({ role: "assistant" });
      return [...prepared, { role: "assistant" }];
    };
    const fails = () => Promise.reject(new Error("The disk is full."));
    const one = await shown([{ role: "user" }]);
    await expect(save(responseMessages, fails)).rejects.toThrow("The disk is full.");
    const two = await shown(one);
    expect(two).toHaveLength(4);
    expect(await states()).toMatchObject([{ status: "claimed", attempts: 2 }]);
    await release();
    expect(await states()).toMatchObject([{ status: "pending" }]);
    const three = await shown(two);
    expect(three).toHaveLength(5);
    expect(await save(responseMessages, (messages) => messages)).toEqual(three.slice(1));
    expect(await states()).toMatchObject([{ status: "delivered", attempts: 3 }]);
    await tasks.close({ drainMs: 0 });
  });

  test("that were kept, but whose acknowledgement was lost, are acknowledged when they come again", async () => {
    const { inbox, states, tasks } = await ended("build");
    const claim = inbox.claim.bind(inbox);
    vi.spyOn(inbox, "claim").mockImplementationOnce(async (...given) => {
      const claimed = await claim(...given);
      return claimed && { ...claimed, acknowledge: () => claimed.release() };
    });
    const { prepareStep, save } = followUpInterrupts({ inbox, scope });
    const first = await prepareStep({ messages: [{ role: "user" }], steps: [], responseMessages: [] });
    const responseMessages = [{ role: "assistant" }];
    await save(responseMessages, () => undefined);
    expect(await states()).toMatchObject([{ status: "pending" }]);
    const messages = [...(first?.messages ?? []), ...responseMessages];
    expect(await prepareStep({ messages, steps: [], responseMessages })).toBe(undefined);
    expect(await states()).toMatchObject([{ status: "delivered" }]);
    await tasks.close({ drainMs: 0 });
  });

  test("are given back where the step cannot be made, those of earlier steps too", async () => {
    const { inbox, states, tasks } = await ended("build");
    const odd = vi.spyOn(inbox, "claim");
    odd.mockImplementationOnce(async (...given) => {
      const claimed = await FollowUpInbox.prototype.claim.apply(inbox, given);
      return claimed && { ...claimed, messageFor: () => expect.unreachable("No message.") };
    });
    const { prepareStep } = followUpInterrupts({ inbox, scope });
    const step = { messages: [{ role: "user" }], steps: [], responseMessages: [] };
    await expect(prepareStep(step)).rejects.toThrow("No message.");
    expect(await states()).toMatchObject([{ status: "pending", attempts: 1 }]);
    expect((await prepareStep(step))?.messages).toHaveLength(2);
    expect(await states()).toMatchObject([{ status: "claimed" }]);
    await expect(prepareStep({ messages: step.messages, steps: null as never })).rejects.toThrow();
    expect(await states()).toMatchObject([{ status: "pending", attempts: 2 }]);
    await tasks.close({ drainMs: 0 });
  });

  test("are told though a client has said that they were, and acknowledged once they are kept", async () => {
    const { inbox, states, tasks, claim } = await ended("build");
    const claimed = await claim();
    const { tasks: marked } = claimed.message.marker;
    const forged = { ...claimed.message.marker, tasks: marked.map((task) => ({ ...task, word: "guessed" })) };
    await claimed.release();
    const content = [{ type: "text", text: "Hello.", providerOptions: { toolOffload: forged } }];
    const broken = {
      role: "user",
      parts: [{ providerMetadata: { toolOffload: { ...forged, tasks: [null] } } }],
    };
    const { prepareStep, save } = followUpInterrupts({ inbox, scope });
    // In ai 6 what has come in is put in again, unless the messages have it.
    const messages = [{ role: "user", content }, broken];
    for (let step = 0; step < 2; step += 1) {
      expect((await prepareStep({ messages, steps: [] }))?.messages).toHaveLength(3);
    }
    expect(await save([{ role: "assistant" }], (kept) => kept)).toHaveLength(2);
    expect(await states()).toMatchObject([{ status: "delivered" }]);
    await tasks.close({ drainMs: 0 });
  });

  describe("whose store", () => {
    const never = () => new Promise<boolean>(() => undefined);
    const closed = async () => {
      throw new TaskOffloadError("closed", "The manager is closed.");
    };
    const message = { role: "user" };

    test.each([
      ["does not answer", never],
      ["is closed", closed],
    ])("%s when they are settled hold nothing up for long", async (_what, settle) => {
      const { inbox, tasks } = await ended("build");
      const claim = inbox.claim.bind(inbox);
      const settled = vi.fn(settle);
      const broken: Pick<FollowUpInbox, "claim"> = {
        async claim(...given) {
          const claimed = await claim(...given);
          return claimed && { ...claimed, acknowledge: settled, release: settled };
        },
      };
      const { prepareStep, save } = followUpInterrupts({ inbox: broken, scope });
      const shown = await prepareStep({ messages: [message], steps: [], responseMessages: [] });
      const startedAt = Date.now();
      expect(await save([{ role: "assistant" }], () => "written")).toBe("written");
      expect(settled).toHaveBeenCalledTimes(1);
      expect(shown?.messages).toHaveLength(2);
      expect(Date.now() - startedAt).toBeLessThan(10_000);
      await tasks.close({ drainMs: 0 });
    });
  });

  test("that the conversation holds already are acknowledged, and not told again", async () => {
    const { inbox, states, tasks, claim } = await ended("build");
    const news = await claim();
    const held = toModelMessage(news) as ModelMessage;
    await news.release();
    const { prepareStep } = followUpInterrupts({ inbox, scope });
    const { shown } = await play(tools, [done], { prepareStep, messages: [held] });
    expect(shown[0]).toHaveLength(1);
    expect(await states()).toMatchObject([{ status: "delivered" }]);
    await tasks.close({ drainMs: 0 });
  });

  test("break no turn, where the store does not answer", async () => {
    const { inbox, tasks } = await ended("build");
    await tasks.close({ drainMs: 0 });
    const others = [
      Object.assign(new Error("down"), { code: "store_failed" }),
      new TaskOffloadError("closed", "down"),
    ];
    const claim = vi
      .spyOn(inbox, "claim")
      .mockRejectedValueOnce(new TaskOffloadError("store_failed", "down"));
    const { prepareStep } = followUpInterrupts({ inbox, scope });
    const { result } = await play(tools, [done], { prepareStep });
    expect(result.text).toBe("Done.");
    for (const other of others) {
      claim.mockRejectedValueOnce(other);
      await expect(play(tools, [done], { prepareStep })).rejects.toThrow("down");
    }
  });

  test("in ai 6, which forgets them at the next step, are put in again", async () => {
    const { inbox, tasks, finish } = await ended();
    const { prepareStep, save } = followUpInterrupts({ inbox, scope });
    const history = ["user", "assistant", "user"].map((role) => ({ role, content: "Earlier." }));
    const step = (name: string) => [
      { role: "assistant", content: name },
      { role: "tool", content: [] },
    ];
    // There, a step's messages are all of the turn so far, and prepareStep is not told them apart.
    const [one, two] = [step("one"), [...step("one"), ...step("two")]];
    expect(await prepareStep({ messages: history, steps: [] })).toBe(undefined);
    await finish("build");
    const second = await prepareStep({
      messages: [...history, ...one],
      steps: [{ response: { messages: one } }],
    });
    expect(second?.messages.slice(3).map(({ role }) => role)).toEqual(["assistant", "tool", "user"]);
    const steps = [{ response: { messages: one } }, { response: { messages: two } }];
    const third = await prepareStep({ messages: [...history, ...two], steps });
    expect(third?.messages).toEqual([...(second?.messages ?? []), ...step("two")]);
    // A host that has put them in itself gets them no second time.
    expect(await prepareStep({ messages: third?.messages ?? [], steps })).toMatchObject(third ?? {});
    expect(await save([...two, { role: "assistant" }], (messages) => messages)).toEqual([
      ...(third?.messages.slice(3) ?? []),
      { role: "assistant" },
    ]);
    await tasks.close({ drainMs: 0 });
  });

  test("never come between a call and its result, even where a turn begins with results", async () => {
    const { inbox, tasks } = await ended("build");
    const { prepareStep, save } = followUpInterrupts({ inbox, scope });
    const approved = { role: "tool", content: [] };
    await prepareStep({ messages: [{ role: "assistant" }, approved], steps: [] });
    const kept = await save([approved, { role: "assistant" }], (messages) => messages);
    expect(kept.map(({ role }) => role)).toEqual(["tool", "user", "assistant"]);
    await tasks.close({ drainMs: 0 });
  });

  test.each([
    [undefined, "options must be an object; got undefined."],
    [{ inbox: {}, scope }, "inbox must be a FollowUpInbox; got an object."],
    [{ inbox: { claim: 1 }, scope }, "inbox must be a FollowUpInbox; got an object."],
    [{ inbox: { claim() {} } }, "scope must be an object with a userId; got undefined."],
    [{ inbox: { claim() {} }, scope: () => scope }, "scope must be an object with a userId; got a function."],
    [{ inbox: { claim() {} }, scope, during: "idle" }, "during is not an option; there are inbox, scope."],
  ])("want sound options: %o", (options, message) => {
    const make = () => followUpInterrupts(options as never);
    expect(make).toThrow(expect.objectContaining({ code: "invalid_option", message }));
  });
});

describe("the control tools", () => {
  test("see their scope alone, which a function may tell, and wait without becoming a task", async () => {
    const { tasks, offload } = makeOffload();
    const mine = await tasks.start({ toolName: "mine", input: {}, scope }, () => "mine");
    await tasks.start({ toolName: "other", input: {}, scope: { userId: "eve" } }, () => "hers");
    const slow = await tasks.start(
      { toolName: "slow", input: {}, scope },
      () => new Promise(() => undefined),
    );
    for (const own of [scope, () => scope]) {
      const { task_list, task_output } = offloadTools(taskTools({ tasks, scope: own }), { offload, scope });
      const listed = await task_list.execute({ limit: 20 }, call);
      expect((listed as { tasks: { tool: string }[] }).tasks.map(({ tool }) => tool).sort()).toEqual([
        "mine",
        "slow",
      ]);
      const input = { offset: 0, limit: 100 };
      const read = await task_output.execute({ ...input, task_id: mine.id, wait_ms: 0 }, call);
      expect(read).toMatchObject({ found: true, outcome: { status: "completed", text: "mine" } });
      const waited = await task_output.execute({ ...input, task_id: slow.id, wait_ms: 100 }, call);
      expect(waited).toMatchObject({ found: true, outcome: null });
    }
    expect((await tasks.list(scope)).tasks).toHaveLength(2);
    await tasks.close({ drainMs: 0 });
  });

  test("end with the turn", async () => {
    const { tasks } = makeOffload();
    const { id } = await tasks.start(
      { toolName: "it", input: {}, scope },
      () => new Promise(() => undefined),
    );
    const { task_output } = taskTools({ tasks, scope });
    const turn = new AbortController();
    const input = { task_id: id, wait_ms: 20_000, offset: 0, limit: 100 };
    const read = task_output.execute(input, { ...call, abortSignal: turn.signal });
    turn.abort(new Error("The user has left."));
    await expect(read).rejects.toThrow("The user has left.");
    await tasks.close({ drainMs: 0 });
  });

  test.each([
    [undefined, "options must be an object; got undefined."],
    [{ scope: {} }, "scope.userId must be a non-empty string; got undefined."],
    [{ scope, maxWaitMs: -1 }, "maxWaitMs must be a whole number from 0 on; got -1."],
    [
      { scope: () => scope, limit: 5 },
      "limit is not an option; there are tasks, scope, maxWaitMs, maxChars.",
    ],
  ])("want sound options: %o", (options, message) => {
    const { tasks } = makeOffload();
    const make = () => taskTools((options && { tasks, ...options }) as never);
    expect(make).toThrow(expect.objectContaining({ code: "invalid_option", message }));
  });
});
