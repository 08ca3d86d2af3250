import { describe, expect, test, vi } from "vitest";
import { type FollowUp, FollowUpInbox, followUpMessage } from "../../../src/follow-up/index.ts";
import type { ResultView, TaskStore } from "../../../src/index.ts";
import { controlTools } from "../../../src/tools/index.ts";
import {
  ADA,
  callOf,
  ended,
  gate,
  inFakeTime,
  pass,
  sceneOf,
  soon,
  taskOf,
  typesOf,
} from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";

inFakeTime();

interface Shot {
  png: string;
  token: string;
}

const shot: Shot = { png: Buffer.alloc(11_946, 1).toString("base64"), token: "s3cret-token" };

/** The tool shows the image, and not the token. */
const view = ({ png }: Shot): ResultView => [
  { type: "text", text: "A screenshot:" },
  { type: "media", mediaType: "image/png", data: png },
];

describe.each(STORES)("a tool with a view of its own on $name", ({ makeStore }) => {
  /** A task that has ended, and its follow-up. */
  async function late(value: unknown, shows: unknown = view, options: { maxResultBytes?: number } = {}) {
    const { tasks } = sceneOf({ store: makeStore() as TaskStore, deliveredElsewhere: true, ...options });
    const { id } = await soon(tasks.start(callOf({ view: shows as never }), () => value));
    const task = await ended(tasks, id, { withinMs: 20_000 });
    const claim = await soon(new FollowUpInbox({ tasks }).claim(ADA, { during: "idle" }));
    const followUp = claim?.followUps[0] as FollowUp;
    const { task_output } = controlTools({ tasks, scope: ADA });
    const read = async (offset = 0) => soon(task_output.execute({ task_id: id, offset }), 60_000);
    return { tasks, id, task, followUp, message: followUpMessage([followUp]), read };
  }

  test("is not asked by a call that finishes in time", async () => {
    const { offload } = sceneOf({ store: makeStore() });
    const shows = vi.fn(view);
    expect(await soon(offload.run(callOf({ view: shows as never }), () => shot))).toMatchObject({
      value: shot,
    });
    expect(shows).not.toHaveBeenCalled();
  });

  test("tells the model what it shows, and nothing that it withholds", async () => {
    const { message, read, followUp, id } = await late({ ...shot, at: new Date(0) });
    expect(message.text).toContain("A screenshot:\n[image/png, 12 kB]");
    expect(message.media).toEqual([{ type: "media", mediaType: "image/png", data: shot.png }]);
    expect(followUp.view).toHaveLength(2);
    const outcome = { text: "A screenshot:\n[image/png, 12 kB]", next_offset: null };
    const answers = [await read(), await read(5), await read(100)];
    expect(answers[0]).toMatchObject({ outcome });
    expect(answers[1]).toMatchObject({ outcome: { text: outcome.text.slice(5) } });
    for (const told of [message.text, ...answers.map((answer) => JSON.stringify(answer))]) {
      expect(told).not.toMatch(/s3cret|token|AQEB|Changed|"lossy"|\/at\b/);
    }
    expect(message.text).toContain(id);
  });

  test("leaves the host its value as it is", async () => {
    const { tasks, id, followUp } = await late({ ...shot, at: new Date(0) });
    const value = { ...shot, at: "1970-01-01T00:00:00.000Z" };
    expect(await soon(tasks.result(ADA, id))).toEqual({
      status: "completed",
      value,
      truncated: null,
      lossy: ["/at"],
    });
    expect(followUp.result).toMatchObject({ value });
  });

  test("shows the value as it is where it answers undefined", async () => {
    const { message, followUp } = await late({ pages: 12 }, () => undefined);
    expect(message.text).toContain('{"pages":12}');
    expect(message.media).toBeUndefined();
    expect(followUp.view).toBeUndefined();
  });

  test("may be asynchronous", async () => {
    const { message } = await late(shot, async (given: Shot) => view(given));
    expect(message.text).toContain("[image/png, 12 kB]");
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("s3cret too");
      },
    ],
    ["never comes", () => new Promise(() => undefined)],
  ])("loses no result if it %s", async (_, shows) => {
    const { message, tasks, id, task } = await late(shot, shows);
    expect(task.status).toBe("completed");
    expect(message.text).toMatch(/cannot be shown/);
    expect(message.text).not.toMatch(/s3cret|AQEB/);
    expect(await soon(tasks.result(ADA, id))).toMatchObject({ value: shot });
  });

  test("names an image for which there is no room", async () => {
    const { message } = await late(shot, view, { maxResultBytes: 2_000 });
    expect(message.text).toContain("[image/png, 12 kB]");
    expect(message.media).toBeUndefined();
    expect(message.text).not.toMatch(/AQEB|head|only the tail/);
  });

  test("of a call that goes on in the background is asked once", async () => {
    const { tasks, offload } = sceneOf({ store: makeStore(), deliveredElsewhere: true });
    const slow = gate<Shot>();
    const shows = vi.fn(view);
    const { id } = taskOf(await soon(offload.run(callOf({ view: shows as never }), () => slow.promise)));
    await pass(100);
    slow.resolve(shot);
    await ended(tasks, id);
    expect(shows.mock.calls).toEqual([[shot]]);
  });

  test("keeps the texts that it streams out of its output", async () => {
    const { tasks, offload } = sceneOf({ store: makeStore(), deliveredElsewhere: true });
    const slow = gate();
    async function* chunks() {
      yield "s3cret-token";
      await slow.promise;
      yield "the end";
    }
    const call = callOf({ view: () => [{ type: "text", text: "Done." }], background: false });
    const stream = offload.stream(call, chunks);
    const read = (async () => {
      for await (const _ of stream);
    })();
    const { id } = taskOf(await soon(stream.outcome));
    await read;
    slow.resolve("");
    await ended(tasks, id);
    expect(await typesOf(tasks, id)).toEqual(["task.started", "task.completed"]);
  });

  test("is refused where it is no function", async () => {
    const { tasks } = sceneOf({ store: makeStore() });
    const start = tasks.start(callOf({ view: "text" as never }), () => 1);
    await expect(start).rejects.toThrow('view must be a function; got "text".');
  });

  test("may belong to a wrapped tool", async () => {
    const { tasks, offload } = sceneOf({ store: makeStore(), deliveredElsewhere: true });
    const run = offload.wrap({ name: "shoot", execute: () => shot, view: view as never });
    const { id } = taskOf(await soon(run({}, { scope: ADA, background: true })));
    await ended(tasks, id);
    const [followUp] =
      (await soon(new FollowUpInbox({ tasks }).claim(ADA, { during: "idle" })))?.followUps ?? [];
    expect(followUp?.view).toHaveLength(2);
  });

  test("a result of MCP that is an error fails the task, with its content as the reason", async () => {
    const content = [{ type: "text", text: "The disk is full, password=hunter2" }];
    const { message, task } = await late({ content, isError: true }, () => undefined);
    expect(task).toMatchObject({ status: "failed", error: { code: "tool_error" } });
    expect(task.error?.message).toBe("The disk is full, password=***");
    expect(message.text).toContain("Outcome: failed (tool_error)");
  });

  test.each([
    ["what the tool shows of it", () => [{ type: "text", text: "The search failed." }], "The search failed."],
    ["that nobody says why, where it shows nothing", () => [], "The tool does not say why."],
  ])("a result of MCP that is an error is told as %s", async (_, shows, reason) => {
    const content = [{ type: "text", text: "no route to db-1.internal" }];
    const { message, task } = await late({ content, isError: true }, shows);
    expect(task.error).toEqual({ code: "tool_error", message: reason });
    expect(message.text).not.toContain("db-1.internal");
  });

  test("that has not come when the manager closes loses no result", async () => {
    const { tasks } = sceneOf({ store: makeStore() });
    const never = () => new Promise<undefined>(() => undefined);
    const { id } = await soon(tasks.start(callOf({ view: never }), () => shot));
    await pass(100);
    await soon(tasks.close({ drainMs: 0 }), 1_000);
    expect(await soon(tasks.result(ADA, id))).toMatchObject({ status: "completed", value: shot });
  });

  test.each([
    ["null", () => null],
    ["something with a map of its own", () => ({ map: () => 5 })],
    ["a size that is no number", () => [{ type: "media", mediaType: "image/png", bytes: Number.NaN }]],
    ["NUL", () => [{ type: "text", text: "a\0b\ud800" }]],
  ])("that answers %s ends its task all the same, and tells nothing else", async (_, shows) => {
    const { message, task, tasks, id } = await late(shot, shows);
    expect(task.status).toBe("completed");
    expect(message.text).not.toMatch(/s3cret|AQEB|\0|\ud800/);
    expect(await soon(tasks.result(ADA, id))).toMatchObject({ value: shot });
  });

  test("keeps the texts that a stream of a registered tool consists of out of its output", async () => {
    const view = () => [{ type: "text", text: "Done." }] as const;
    async function* execute() {
      yield "s3cret-token";
      yield "the end";
    }
    const { tasks, offload } = sceneOf({ store: makeStore(), tools: { search: { execute, view } } });
    const stream = offload.stream(callOf({ background: true }), execute);
    const { id } = taskOf(await soon(stream.outcome));
    await ended(tasks, id);
    expect(await typesOf(tasks, id)).toEqual(["task.queued", "task.started", "task.completed"]);
  });

  test("a result of MCP that is an error comes as it is in time", async () => {
    const { offload } = sceneOf({ store: makeStore() });
    const value = { content: [], isError: true };
    expect(await soon(offload.run(callOf(), () => value))).toEqual({ status: "completed", value });
  });
});
