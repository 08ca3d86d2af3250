import { expect, test, vi } from "vitest";
import { claimOf } from "../../src/follow-up/claim.ts";
import { type FollowUp, followUpMessage } from "../../src/follow-up/index.ts";
import { ADA } from "../support/scene.ts";

const followUp = (id: string): FollowUp => {
  const task = { id, toolName: "dig", toolCallId: id, summary: "" } as FollowUp["task"];
  return { id, task, result: { status: "completed", value: id, truncated: null, lossy: [] }, attempt: 1 };
};

function sourceOf(news: FollowUp[]) {
  const settle = vi.fn(async () => true);
  return { scope: ADA, turn: undefined, maxAttempts: 12, take: async () => news, settle };
}

const tell = (followUps: readonly FollowUp[]) => {
  if (followUps.some(({ id }) => id === "odd")) throw new Error("No words.");
  return followUpMessage(followUps);
};

test("what nobody can put into words is released when it is claimed", () => {
  const source = sourceOf([]);
  const odd = [followUp("odd")];
  expect(() => claimOf(source, odd, tell)).toThrow("No words.");
  expect(source.settle).toHaveBeenCalledExactlyOnceWith(odd, expect.any(Function));
});

test("the same where it comes later, and the rest stays", async () => {
  const source = sourceOf([followUp("odd")]);
  const first = followUp("first");
  const claim = claimOf(source, [first], tell);
  await expect(claim.interrupts()).rejects.toThrow("No words.");
  expect(source.settle).toHaveBeenCalledExactlyOnceWith([followUp("odd")], expect.any(Function));
  await claim.acknowledge([first]);
  expect(source.settle).toHaveBeenCalledTimes(2);
});
