import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Job } from "./worker.ts";

const WORKER = fileURLToPath(new URL("./worker.ts", import.meta.url));
/** Of `node:sqlite`, a Node may say that it is experimental. */
const EXEC_ARGV = ["--import", "tsx", "--disable-warning=ExperimentalWarning"];

/** What a process of its own answers to a job. */
export async function runWorker(job: Job): Promise<unknown> {
  const [answer] = await runWorkers([job]);
  return answer;
}

/** Starts a process for each job, and lets them begin all at once when all of them are ready. */
export async function runWorkers(jobs: readonly Job[]): Promise<unknown[]> {
  const children = jobs.map((job) => fork(WORKER, [JSON.stringify(job)], { execArgv: EXEC_ARGV }));
  try {
    await Promise.all(children.map((child) => messageOf(child)));
    const answers = children.map((child) => messageOf(child));
    for (const child of children) child.send("begin");
    return await Promise.all(answers);
  } finally {
    for (const child of children) child.kill();
  }
}

async function messageOf(child: ReturnType<typeof fork>): Promise<unknown> {
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`A worker ended with code ${code}.`);
  });
  ended.catch(() => undefined);
  const [message] = await Promise.race([once(child, "message"), ended]);
  return message;
}
