import { beforeEach, describe, expect, test } from "vitest";
import type { TaskStore } from "../../../src/core/model/store.ts";
import { FollowUpInbox, followUpMessage } from "../../../src/follow-up/index.ts";
import type { DurableTool, ResultView } from "../../../src/index.ts";
import { ADA, callOf, ended, inFakeTime, pass, soon, stubborn, typesOf } from "../../support/scene.ts";
import { processesOn, SHARED_STORES } from "./processes.ts";

inFakeTime();

const withheld = "s3cret-token";

const ofCall = (): ResultView => [{ type: "text", text: "as the call shows it" }];

describe.each(SHARED_STORES)("what a restarted tool shows on $name", ({ makeStore }) => {
  let store: TaskStore;
  beforeEach(() => {
    store = makeStore();
  });
  const { processOf, mortal } = processesOn(() => store);

  /** What the model is told of a tool that one process has begun and another ends. */
  async function told(value: unknown, registered: Partial<DurableTool>, view?: () => ResultView) {
    const toolIn = (execute: DurableTool["execute"]) => ({
      search: { idempotent: true, execute, ...registered },
    });
    const first = mortal({ tools: toolIn(stubborn) });
    const other = processOf({ tools: toolIn(() => value), deliveredElsewhere: true }).tasks;
    const { id } = await soon(first.tasks.start(callOf({ view }), stubborn));
    await pass(100);
    first.die();
    await ended(other, id);
    expect(await soon(other.result(ADA, id))).toMatchObject({ value });
    const claim = await soon(new FollowUpInbox({ tasks: other }).claim(ADA, { during: "idle" }));
    return followUpMessage(claim?.followUps ?? []).text;
  }

  test.each([
    ["and that of the call is elsewhere", ofCall],
    ["where the call has none", undefined],
  ])("is the view that the tool is registered with, %s", async (_, ofThisCall) => {
    const view = () => [{ type: "text", text: "as it is registered" }] as const;
    const text = await told({ withheld }, { view }, ofThisCall);
    expect(text).toContain("as it is registered");
    expect(text).not.toContain(withheld);
  });

  test("is the texts alone where the call had a view and the tool has none", async () => {
    const content = [
      { type: "text", text: "12 pages" },
      { type: "image", data: withheld, mimeType: "image/png" },
    ];
    const text = await told({ content, withheld }, {}, ofCall);
    expect(text).toContain("12 pages");
    expect(text).not.toContain(withheld);
  });

  test("is that it cannot be shown where there are no such texts", async () => {
    const text = await told({ withheld }, {}, ofCall);
    expect(text).toContain("cannot be shown");
    expect(text).not.toContain(withheld);
  });

  test("is no output of the task, where it streams and only the call had a view", async () => {
    async function* texts() {
      yield withheld;
      yield "12 pages";
    }
    const first = mortal({ tools: { search: { idempotent: true, execute: stubborn } } });
    const other = processOf({ tools: { search: { idempotent: true, execute: texts } } }).tasks;
    const { id } = await soon(first.tasks.start(callOf({ view: ofCall }), stubborn));
    await pass(100);
    first.die();
    await ended(other, id);
    expect(await typesOf(other, id)).not.toContain("task.output");
  });

  test("is the value as it is where nobody has a view", async () => {
    expect(await told({ pages: 12 }, {})).toContain('{"pages":12}');
  });
});
