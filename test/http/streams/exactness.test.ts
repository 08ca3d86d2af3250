import fc from "fast-check";
import { test, vi } from "vitest";
import type { TaskEvent } from "../../../src/http/index.ts";
import { BackgroundTaskManager, memoryStore } from "../../../src/index.ts";
import { inFakeTime } from "../../support/scene.ts";
import { SseReader } from "./sse-reader.ts";
import { stage, telling } from "./stage.ts";

inFakeTime();

type Ask = ReturnType<typeof stage>["ask"];

/** What a reader does: it lets so many bytes come before it is cut, comes back, and says where it was. */
interface Visit {
  bytes: number;
  waitMs: number;
  by: "Last-Event-ID" | "after";
}

/** A reader that is cut again and again, and keeps what it has heard in whole. */
class Wanderer {
  readonly seqs: number[] = [];
  readonly faults: string[] = [];
  isDone = false;
  readonly #ask: Ask;
  readonly #path: string;

  constructor(ask: Ask, path: string) {
    this.#ask = ask;
    this.#path = path;
  }

  async visit({ bytes, by }: Visit): Promise<void> {
    const last = String(this.seqs.at(-1) ?? 0);
    const response =
      by === "after"
        ? await this.#ask(`${this.#path}?after=${last}`)
        : await this.#ask(this.#path, { headers: { "Last-Event-ID": last } });
    if (response.status === 204) {
      this.isDone = true;
      return;
    }
    await this.#readOn(response, bytes);
  }

  /** The bytes behind the cut never arrive. */
  async #readOn(response: Response, most: number): Promise<void> {
    const heard = new SseReader(new Response(cut(response.body, most)));
    for (const { event, data } of await heard.rest()) {
      if (event !== "message") this.faults.push(event);
      else this.seqs.push((data as TaskEvent).seq);
    }
  }
}

function cut(body: ReadableStream<Uint8Array> | null, most: number): ReadableStream<Uint8Array> {
  let left = most;
  const cutting = new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => {
      controller.enqueue(chunk.subarray(0, left));
      left -= chunk.byteLength;
      if (left <= 0) controller.terminate();
    },
  });
  return (body ?? new ReadableStream()).pipeThrough(cutting);
}

const visits = fc.array(
  fc.record<Visit>({
    bytes: fc.integer({ min: 1, max: 1_500 }),
    waitMs: fc.nat({ max: 400 }),
    by: fc.constantFrom("Last-Event-ID", "after"),
  }),
  { minLength: 1, maxLength: 12 },
);

test("each event reaches each reader once and in order, wherever it is cut, in whatever process it comes back", async () => {
  const run = async (readers: Visit[][], lines: number, pauseMs: number) => {
    const store = memoryStore();
    const stages = [1, 2].map(() => stage({ tasks: new BackgroundTaskManager({ store }) }));
    const [first] = stages;
    if (first === undefined) throw new Error("There is no stage.");
    const { task, write, end } = await telling(first.tasks);
    const wanderers = readers.map((plan) => {
      let turn = 0;
      const ask: Ask = (...given) => (stages[turn++ % stages.length] ?? first).ask(...given);
      const wanderer = new Wanderer(ask, `/${task.id}/events`);
      const wander = async () => {
        for (const visit of plan) {
          await wanderer.visit(visit);
          await new Promise((resolve) => setTimeout(resolve, visit.waitMs));
        }
        while (!wanderer.isDone) await wanderer.visit({ bytes: 1_000_000, waitMs: 0, by: "after" });
      };
      return { wanderer, done: wander() };
    });
    for (let line = 0; line < lines; line += 1) {
      write(`line ${line}`);
      await vi.advanceTimersByTimeAsync(pauseMs);
    }
    const ending = end();
    const all = Promise.all([ending, ...wanderers.map(({ done }) => done)]);
    await vi.advanceTimersByTimeAsync(20_000);
    const [{ lastSeq }] = await all;
    for (const { wanderer } of wanderers) {
      const isExact =
        wanderer.faults.length === 0 &&
        wanderer.seqs.length === lastSeq &&
        wanderer.seqs.every((seq, index) => seq === index + 1);
      if (!isExact) throw new Error(`Told ${wanderer.seqs} and ${wanderer.faults} of ${lastSeq} events.`);
    }
  };
  await fc.assert(
    fc.asyncProperty(
      fc.array(visits, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 0, max: 12 }),
      fc.integer({ min: 20, max: 300 }),
      run,
    ),
    { numRuns: 15 },
  );
}, 60_000);
