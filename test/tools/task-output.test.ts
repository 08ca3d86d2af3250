import { describe, expect, test } from "vitest";
import type { ToolContext } from "../../src/index.ts";
import {
  ADA,
  callOf,
  ended,
  gate,
  inFakeTime,
  isPending,
  pass,
  read,
  soon,
  stubborn,
} from "../support/scene.ts";
import { STORES } from "../support/stores.ts";
import { expectJson, found, labOf } from "./lab.ts";

inFakeTime();

describe.each(STORES)("task_output on $name", ({ makeStore }) => {
  describe("waiting", () => {
    test("does not wait unless asked to", async () => {
      const { tools, start } = labOf({ store: makeStore() });
      const { id } = await start(stubborn);
      const answer = await soon(tools.task_output.execute({ task_id: id }), 50);
      expect(answer).toMatchObject({ found: true, outcome: null });
    });

    test("waits for the end, and no longer than asked", async () => {
      const { tools, start } = labOf({ store: makeStore() });
      const { id } = await start(stubborn);
      const answer = tools.task_output.execute({ task_id: id, wait_ms: 5_000 });
      await pass(4_990);
      expect(await isPending(answer)).toBe(true);
      await pass(50);
      expect(await isPending(answer)).toBe(false);
      expect(await answer).toMatchObject({ task: { status: "running" }, outcome: null });
    });

    test("answers as soon as the task has ended", async () => {
      const { tools, start } = labOf({ store: makeStore() });
      const slow = gate();
      const { id } = await start(() => slow.promise);
      const answer = tools.task_output.execute({ task_id: id, wait_ms: 30_000 });
      await pass(2_000);
      slow.resolve("done");
      await pass(50);
      expect(await isPending(answer)).toBe(false);
      expect(await answer).toMatchObject({ outcome: { status: "completed", text: "done" } });
    });

    test("the turn's signal ends the waiting, and marks nothing", async () => {
      const { tasks, tools, start } = labOf({ store: makeStore() });
      const slow = gate();
      const { id } = await start(() => slow.promise);
      const turn = new AbortController();
      const answer = tools.task_output.execute({ task_id: id, wait_ms: 9_000 }, { signal: turn.signal });
      await pass(100);
      turn.abort(new Error("The turn is over."));
      await expect(soon(answer, 10)).rejects.toThrow("The turn is over.");
      slow.resolve("done");
      expect(await ended(tasks, id)).toMatchObject({ followUp: { status: "pending" } });
    });
  });

  describe("output", () => {
    const writing =
      (...chunks: string[]) =>
      async (_: unknown, { write }: ToolContext) => {
        for (const chunk of chunks) {
          write(chunk);
          await new Promise((resolve) => setTimeout(resolve, 1_000));
        }
        return "done";
      };

    test("tells what the tool has written so far, and then only what is new", async () => {
      const { tasks, tools } = labOf({ store: makeStore() });
      const { id } = await soon(tasks.start(callOf(), writing("one ", "two ", "three")));
      await pass(1_500);
      const first = await found(tools.task_output.execute({ task_id: id }));
      expect(first.output).toMatchObject({ text: "one two ", more: false, truncated: false });
      const after = first.output?.next_after ?? "";
      const none = await found(tools.task_output.execute({ task_id: id, after }));
      expect(none.output).toEqual({ ...first.output, text: "" });
      await ended(tasks, id);
      const rest = await found(tools.task_output.execute({ task_id: id, after }));
      expect(rest.output).toMatchObject({ text: "three", more: false });
    });

    test("is bounded by the limit, and goes on within a chunk", async () => {
      const { tasks, tools } = labOf({ store: makeStore() });
      const { id } = await soon(tasks.start(callOf(), writing("abcdefgh", "ij")));
      await ended(tasks, id);
      const texts: string[] = [];
      for (let after = "0", more = true; more; ) {
        const { output } = await found(tools.task_output.execute({ task_id: id, limit: 3, after }));
        texts.push(output?.text ?? "");
        after = output?.next_after ?? "";
        more = output?.more ?? false;
      }
      expect(texts).toEqual(["abc", "def", "ghi", "j"]);
    });

    test("says when the ring has lost some", async () => {
      const { tasks, tools } = labOf({ store: makeStore() });
      const chunks = Array.from({ length: 6 }, (_, index) => `${index}`.repeat(60_000));
      const { id } = await soon(tasks.start(callOf(), writing(...chunks)));
      await ended(tasks, id);
      const { output } = await found(tools.task_output.execute({ task_id: id }));
      expect(output).toMatchObject({ truncated: true, more: true });
      expect(output?.text).toMatch(/^2+$/);
      const next = await found(tools.task_output.execute({ task_id: id, after: output?.next_after ?? "" }));
      expect(next.output).toMatchObject({ truncated: false });
      expect(next.output?.text).toMatch(/^2+$/);
    });

    test("is left out where only more of the result is asked for", async () => {
      const { tasks, tools } = labOf({ store: makeStore() });
      const { id } = await soon(tasks.start(callOf(), writing("one")));
      await ended(tasks, id);
      const { output } = await found(tools.task_output.execute({ task_id: id, offset: 2 }));
      expect(output).toBeNull();
      const both = await found(tools.task_output.execute({ task_id: id, offset: 2, after: "0" }));
      expect(both.output?.text).toBe("one");
    });
  });

  describe("the outcome", () => {
    test("of a completed task is its text, by offset", async () => {
      const { tools, completed } = labOf({ store: makeStore() });
      const { id } = await completed("0123456789");
      const { outcome } = await found(tools.task_output.execute({ task_id: id, limit: 4 }));
      expect(outcome).toEqual({ status: "completed", text: "0123", next_offset: 4, total_chars: 10 });
      const rest = await found(tools.task_output.execute({ task_id: id, offset: 4 }));
      expect(rest.outcome).toEqual({
        status: "completed",
        text: "456789",
        next_offset: null,
        total_chars: 10,
      });
    });

    test("is JSON where the tool returned no text, and says what JSON could not carry", async () => {
      const { tools, completed } = labOf({ store: makeStore() });
      const { id } = await completed({ size: 5n });
      const answer = await found(tools.task_output.execute({ task_id: id }));
      expect(answer.outcome).toMatchObject({ text: '{"size":"[BigInt 5]"}', lossy: ["/size"] });
      expectJson(answer);
    });

    test("is cut to maxChars", async () => {
      const { tools, completed } = labOf({ store: makeStore() }, { maxChars: 100 });
      const { id } = await completed("x".repeat(101));
      const { outcome } = await found(tools.task_output.execute({ task_id: id }));
      expect(outcome).toMatchObject({ text: "x".repeat(100), next_offset: 100 });
    });

    test("of a result that was too large says where its middle is missing, and never runs across", async () => {
      const { tools, completed } = labOf({ store: makeStore(), maxResultBytes: 20 });
      const { id } = await completed(`${"a".repeat(500)}${"z".repeat(500)}`);
      const head = await found(tools.task_output.execute({ task_id: id }));
      expect(head.outcome).toEqual({
        status: "completed",
        text: "a".repeat(10),
        next_offset: 10,
        total_chars: 20,
        truncated_bytes: 1_000,
        gap_at: 10,
        note: expect.stringMatching(/1000 bytes.*offset 10/),
      });
      const tail = await found(tools.task_output.execute({ task_id: id, offset: 10 }));
      expect(tail.outcome).toMatchObject({ text: "z".repeat(10), next_offset: null, gap_at: 10 });
      expectJson(head);
    });

    test("of one that was not looked at to its end says that it was larger", async () => {
      const { tools, completed } = labOf({ store: makeStore(), maxResultBytes: 20 });
      const { id } = await completed(Array(1_000).fill("otter"));
      const { outcome } = await found(tools.task_output.execute({ task_id: id }));
      expect(outcome).toMatchObject({
        truncated_at_least: true,
        note: expect.stringMatching(/had at least \d+ bytes/),
      });
      expectJson(outcome);
    });

    test("of a failed task is its code and message", async () => {
      const { tasks, tools, start } = labOf({ store: makeStore() });
      const { id } = await start(() => Promise.reject(new Error("no such host")));
      await ended(tasks, id);
      const { outcome } = await found(tools.task_output.execute({ task_id: id }));
      expect(outcome).toEqual({ status: "failed", code: "tool_error", message: "no such host" });
    });

    test("of a cancelled task is by whom and why", async () => {
      const { tasks, tools, start } = labOf({ store: makeStore(), cancelGraceMs: 10 });
      const { id } = await start(stubborn);
      await pass(10);
      await soon(tasks.cancel(ADA, id, { by: "user", reason: "changed my mind" }));
      await ended(tasks, id);
      const { outcome } = await found(tools.task_output.execute({ task_id: id }));
      expect(outcome).toEqual({ status: "cancelled", by: "user", reason: "changed my mind" });
    });

    test("beyond its end there is nothing, which is said", async () => {
      const { tasks, tools, completed } = labOf({ store: makeStore() });
      const { id } = await completed("short");
      const { outcome } = await found(tools.task_output.execute({ task_id: id, offset: 99 }));
      expect(outcome).toMatchObject({
        text: "",
        next_offset: null,
        note: expect.stringContaining("past the end"),
      });
      expect(await read(tasks, id)).toMatchObject({ followUp: { status: "pending" } });
    });
  });

  test("a task that is evicted while it is read is no longer there", async () => {
    const store = makeStore();
    const { tools, completed } = labOf({ store });
    const { id } = await completed("done");
    store.result = async () => undefined;
    const answer = await soon(tools.task_output.execute({ task_id: id }));
    expect(answer).toMatchObject({ found: false });
  });
});
