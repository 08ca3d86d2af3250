import { describe, expect, test } from "vitest";
import { FollowUpInbox } from "../src/follow-up/index.ts";
import type { ToolContext } from "../src/index.ts";
import { controlTools } from "../src/tools/index.ts";
import { ADA, callOf, ended, inFakeTime, pass, scenesOn, soon, stubborn } from "./support/scene.ts";
import { STORES } from "./support/stores.ts";

inFakeTime();

const HALF = "\ud83d";
const NUL = "\0";

/** Whatever a model, or the database of a conversation, would refuse. */
function expectSendable(value: unknown): void {
  if (typeof value === "string") {
    expect(value.isWellFormed() && !value.includes(NUL), JSON.stringify(value)).toBe(true);
  } else if (typeof value === "object" && value !== null) {
    for (const entry of Object.entries(value)) for (const part of entry) expectSendable(part);
  }
}

type End = "returns" | "returns JSON" | "throws" | "runs";

function toolThat(end: End) {
  return async (_: unknown, { report, write }: ToolContext) => {
    report({ message: `half ${HALF}${NUL}` });
    write(`low ${"\ude00"}${NUL}, half ${HALF}`);
    if (end === "throws") throw new Error(`because ${HALF}${NUL}`);
    if (end === "runs") return stubborn();
    return end === "returns" ? `result ${HALF}${NUL}` : { [`key ${HALF}`]: `${HALF}${NUL}`, more: 1n };
  };
}

const call = (end: End) =>
  callOf({ toolName: `tool ${HALF}${NUL} ${end}`, toolCallId: `call ${HALF}`, input: { [HALF]: HALF } });

describe.each(STORES)("no half of a pair and no NUL, on $name", ({ makeStore }) => {
  const scene = scenesOn(makeStore);

  test.each(["returns", "returns JSON", "throws"] as const)("of a tool that %s", async (end) => {
    const { tasks } = scene();
    const { id } = await soon(tasks.start(call(end), toolThat(end)));
    await ended(tasks, id);
    const { task_list, task_output } = controlTools({ tasks, scope: ADA });
    expectSendable(await soon(task_list.execute({})));
    for (let limit = 1; limit < 12; limit += 1) {
      expectSendable(await soon(task_output.execute({ task_id: id, limit })));
      expectSendable(await soon(task_output.execute({ task_id: id, offset: limit })));
    }
  });

  test.each(["returns", "returns JSON", "throws"] as const)(
    "in the late result of one that %s",
    async (end) => {
      const { tasks } = scene();
      const { id } = await soon(tasks.start(call(end), toolThat(end)));
      await ended(tasks, id);
      const claim = await soon(new FollowUpInbox({ tasks }).claim(ADA, { during: "idle" }));
      expectSendable(claim?.message);
      await soon(claim?.release() as Promise<unknown>);
    },
  );

  test("of one that runs, and is stopped", async () => {
    const { tasks } = scene();
    const { id } = await soon(tasks.start(call("runs"), toolThat("runs")));
    await pass(500);
    const { task_output, task_stop } = controlTools({ tasks, scope: ADA });
    expectSendable(await soon(task_output.execute({ task_id: id })));
    expectSendable(await soon(task_stop.execute({ task_id: id, reason: `since ${HALF}${NUL}` })));
    expectSendable(await soon(task_output.execute({ task_id: id })));
  });

  test("in the placeholder, whoever has written it", async () => {
    const { offload } = scene({ placeholder: ({ toolName }) => `Later: ${toolName} ${HALF}${NUL}` });
    const outcome = await soon(offload.run(call("runs"), stubborn));
    expect(outcome).toMatchObject({ status: "offloaded" });
    expectSendable((outcome as { message: string }).message);
  });
});
