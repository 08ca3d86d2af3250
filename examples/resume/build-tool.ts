import { setTimeout as sleep } from "node:timers/promises";
import type { DurableContext } from "tool-offload";

/** A tool that fronts a job somewhere else. It keeps the job's id, and takes that job up again after a crash. */
export function buildTool(ciUrl: string) {
  return {
    name: "build",
    resumable: true,
    async execute({ branch }: { branch: string }, context: DurableContext): Promise<string> {
      const { idempotencyKey, lastCheckpoint, checkpoint, report, signal } = context;
      let id = lastCheckpoint as string | undefined;
      if (id === undefined) {
        const query = new URLSearchParams({ branch, key: idempotencyKey });
        ({ id } = await ask<{ id: string }>(`${ciUrl}/builds?${query}`, { method: "POST", signal }));
        await checkpoint(id);
      }
      console.log(`  process ${process.pid} ${lastCheckpoint ? "takes up" : "has started"} build ${id}`);
      report({ message: "building" });
      for (;;) {
        const build = await ask<{ state: string; artifact?: string }>(`${ciUrl}/builds/${id}`, { signal });
        if (build.artifact !== undefined) return build.artifact;
        await sleep(100, undefined, { signal });
      }
    },
  };
}

async function ask<Answer>(url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  return (await response.json()) as Answer;
}
