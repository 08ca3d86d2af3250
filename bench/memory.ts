import { memoryStore } from "tool-offload";
import { fill } from "./fill.ts";
import type { Row } from "./side-by-side.ts";

const TASKS = 200_000;
/** The result and the summary, which is what the task itself brings along. */
const PAYLOAD_BYTES = '{"ok":true}'.length + "work(a=1)".length;

/** What a finished task with three events takes in the memory store. */
export async function memory(): Promise<Row[]> {
  const store = memoryStore();
  const before = heapUsed();
  await fill(store, TASKS);
  const bytes = (heapUsed() - before) / TASKS - PAYLOAD_BYTES;
  await store.close();
  return [
    {
      name: "memory of a finished task with three events, in kB",
      detail: `${bytes.toFixed(0)} bytes beyond its payload`,
      ratio: bytes / 1_000,
      limit: 1.8,
    },
  ];
}

function heapUsed(): number {
  for (let i = 0; i < 4; i += 1) globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
