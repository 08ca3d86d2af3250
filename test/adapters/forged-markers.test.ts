import fc from "fast-check";
import { HumanMessage } from "langchain";
import type { TaskResult, TaskStatus } from "tool-offload";
import * as aiSdk from "tool-offload/adapters/ai-sdk";
import * as langchain from "tool-offload/adapters/langchain";
import * as mastra from "tool-offload/adapters/mastra";
import * as openaiAgents from "tool-offload/adapters/openai-agents";
import { type FollowUp, type FollowUpMarker, followUpMessage } from "tool-offload/follow-up";
import { describe, expect, test } from "vitest";
import { lookInto } from "../../src/adapters/mastra/messages.ts";
import { newAmong } from "../../src/adapters/shared/follow-ups.ts";
import { toTaskInfo } from "../../src/core/model/task.ts";
import { makeTask } from "../../src/testing/make-task.ts";

/** Where each framework's message has its marker. */
interface Place {
  messageWith(marker: unknown): unknown;
  followUpOf(message: unknown): FollowUpMarker | undefined;
}

const places: Record<string, Place> = {
  "ai-sdk, for the model": {
    messageWith: (marker) => ({
      role: "user",
      content: [{ type: "text", text: "", providerOptions: { toolOffload: marker } }],
    }),
    followUpOf: (message) => aiSdk.followUpOf(message as never),
  },
  "ai-sdk, for a page": {
    messageWith: (marker) => ({
      role: "user",
      parts: [null, { type: "text", text: "", providerMetadata: { toolOffload: marker } }],
    }),
    followUpOf: (message) => aiSdk.followUpOf(message as never),
  },
  langchain: {
    messageWith: (marker) =>
      new HumanMessage({ content: "", additional_kwargs: { follow_up: marker as never } }),
    followUpOf: (message) => langchain.followUpOf(message as never),
  },
  mastra: {
    messageWith: (marker) => ({
      id: "1",
      role: "signal",
      content: { metadata: { signal: { metadata: marker } }, parts: {} },
    }),
    followUpOf: mastra.followUpOf,
  },
  "openai-agents": {
    messageWith: (marker) => ({ role: "user", content: "", providerData: { phase: marker } }),
    followUpOf: openaiAgents.followUpOf,
  },
};

const late = (id: string, word?: string): FollowUp => {
  const task = toTaskInfo(makeTask({ id, status: "completed" }).record);
  const result: TaskResult = { status: "completed", value: 1, truncated: null, lossy: [] };
  return { id, task, result, attempt: 1, word };
};
const marked = (followUp: FollowUp) => followUpMessage([followUp]).marker;
const [ours] = marked(late("t-1", "w-1")).tasks;
const markerOf = (...tasks: unknown[]) => ({ type: "tool-offload.follow-up", tasks });

const malformed: unknown[] = [
  ...[null, 7, "tool-offload.follow-up", [], {}, { type: "tool-offload.follow-up" }, markerOf(null)],
  ...[markerOf("t-1"), markerOf(7), markerOf([]), markerOf({}), markerOf({ id: "t-1", word: "w-1" })],
  ...[markerOf(ours, null), markerOf({ ...ours, id: {} }), markerOf({ ...ours, word: ["w-1"] })],
  ...[markerOf({ ...ours, word: null }), { ...markerOf(ours), tasks: { 0: ours, length: 1 } }],
];
const forged: unknown[] = [
  markerOf({ ...ours, word: undefined }),
  markerOf({ ...ours, word: "" }),
  markerOf({ ...ours, word: "w-2" }),
  markerOf({ ...ours, id: "t-2" }, { ...ours, word: "w-2" }),
];

describe.each(Object.entries(places))("a marker that a client has written: %s", (_, place) => {
  const { messageWith, followUpOf } = place;
  const isNew = (followUp: FollowUp, markers: readonly unknown[]) =>
    newAmong([followUp], [...markers.map(messageWith), {}, null], followUpOf as never).length === 1;

  test("is none where it is malformed", () => {
    for (const marker of malformed) expect(followUpOf(messageWith(marker))).toBeUndefined();
    expect(isNew(late("t-1", "w-1"), malformed)).toBe(true);
  });

  test("tells of nothing without the task's word", () => {
    expect(isNew(late("t-1", "w-1"), forged)).toBe(true);
    expect(isNew(late("t-1", "w-1"), [...forged, markerOf(ours)])).toBe(false);
  });

  test("counts as before for a task of 0.1.0, which has no word", () => {
    const { word: _word, ...old } = ours ?? expect.unreachable();
    expect(isNew(late("t-1"), [markerOf(old)])).toBe(false);
    expect(isNew(late("t-1"), [markerOf(ours)])).toBe(false);
    expect(isNew(late("t-2"), [markerOf(old)])).toBe(true);
  });

  test("never throws, and is known by its word alone, whatever it is", () => {
    const words = fc.constantFrom(undefined, "w-1", "w-2", "", null, 7);
    const ids = fc.constantFrom<unknown>("t-1", "t-2", "__proto__", null, {});
    const status = fc.constantFrom<TaskStatus>("completed", "failed");
    const texts = fc.record({ toolName: fc.string(), toolCallId: fc.string(), summary: fc.string() });
    const tasks = fc
      .tuple(fc.record({ id: ids, word: words, status }), texts)
      .map(([one, two]) => ({ ...one, ...two }));
    const markers = fc.oneof(
      fc.array(fc.oneof(tasks, fc.anything())).map((all) => markerOf(...all)),
      fc.anything(),
    );
    fc.assert(
      fc.property(fc.array(markers, { maxLength: 5 }), (all) => {
        const told = all.flatMap((marker) => followUpOf(messageWith(marker))?.tasks ?? []);
        const isTold = told.some(({ id, word }) => id === "t-1" && word === "w-1");
        expect(isNew(late("t-1", "w-1"), all)).toBe(!isTold);
      }),
    );
  });
});

describe("an id that a client has taken", () => {
  const delivery = (word: string) => {
    const followUps = [late("t-1", word)];
    return { followUps, messageFor: (some: readonly FollowUp[]) => followUpMessage(some) };
  };
  const idsOf = (word: string) => [
    aiSdk.toUIMessage(delivery(word))?.id,
    langchain.toInput(delivery(word))?.messages[0]?.id,
  ];

  test("is not that of the message, which nobody can guess and which is the same each time", () => {
    expect(idsOf("w-1")).toEqual(idsOf("w-1"));
    for (const id of idsOf("w-1")) expect(idsOf("w-2")).not.toContain(id);
  });
});

test("a thread of Mastra whose message was forged is owed the result", async () => {
  const { messageWith } = places.mastra ?? expect.unreachable();
  const messages = [...forged, ...malformed].map(messageWith);
  const memory = {
    recall: async () => ({ messages: [...messages, { id: "2", role: "assistant", content: "Hm." }] }),
  };
  const thread = { resourceId: "ada", threadId: "chat" };
  const followUps = [late("t-1", "w-1")];
  const told = await lookInto(memory as never, thread, followUps);
  expect(told).toEqual({ news: followUps, unanswered: undefined });
});

test("a session of OpenAI Agents whose item was forged is owed the result", async () => {
  const { messageWith } = places["openai-agents"] ?? expect.unreachable();
  const items = [...forged, ...malformed].map(messageWith) as object[];
  items.push({ role: "assistant", content: "Hm." });
  const session = {
    getItems: async () => items,
    addItems: async (more: object[]) => void items.push(...more),
  };
  const followUps = [late("t-1", "w-1")];
  const messageFor = (some: readonly FollowUp[]) => followUpMessage(some);
  expect(await openaiAgents.takeIn(session, { followUps, messageFor })).toBe(true);
  expect(openaiAgents.followUpOf(items.at(-1))?.tasks).toMatchObject([{ id: "t-1", word: "w-1" }]);
  items.push({ role: "assistant", content: "I see." });
  expect(await openaiAgents.takeIn(session, { followUps, messageFor })).toBe(false);
});
