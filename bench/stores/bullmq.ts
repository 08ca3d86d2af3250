import { Queue, Worker } from "bullmq";
import { nanoid } from "nanoid";

/** Jobs of BullMQ that do nothing, each from being added until its worker says that it has ended. */
export function bullmq(port: number, concurrency: number) {
  const connection = { port, maxRetriesPerRequest: null };
  const ended = new Map<string, () => void>();
  const queue = new Queue("bench", { connection });
  const worker = new Worker("bench", async () => ({ ok: true }), { connection, concurrency });
  worker.on("completed", ({ id = "" }) => ended.get(id)?.());
  return {
    async run(): Promise<void> {
      const jobId = nanoid();
      const isEnded = new Promise<void>((resolve) => ended.set(jobId, resolve));
      await queue.add("work", { a: 1 }, { jobId });
      await isEnded;
      ended.delete(jobId);
    },
    async close(): Promise<void> {
      await worker.close();
      await queue.close();
    },
  };
}
