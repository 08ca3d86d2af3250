import type { Renewal, TaskKey } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import { LAPSED, RENEW } from "./lua/leases.ts";
import { listed, nameOfTask, numeral } from "./names.ts";
import { readRecord } from "./records.ts";
import type { Server } from "./server.ts";

/** Leases of tasks: who runs them says so now and then. */
export class Leases {
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
  }

  async renew(owner: string, tasks: readonly TaskKey[], leaseMs: number): Promise<Renewal[]> {
    const renewals = new Map<TaskKey, Renewal>();
    const renewPart = async (shard: number, part: TaskKey[]) => {
      const args = [JSON.stringify(owner), numeral(leaseMs), ...listed(part.map(nameOfTask))];
      const answers = await this.#server.run<RenewAnswer>(RENEW, shard, ...args);
      for (const [index, task] of part.entries()) note(renewals, task, answers[index] ?? null);
    };
    await Promise.all(this.#parts(tasks).map(([shard, part]) => renewPart(shard, part)));
    return tasks.flatMap((task) => renewals.get(task) ?? []);
  }

  /** Every shard is asked for as many as are wanted: after a crash, all may be in one. */
  async lapsed(limit: number): Promise<TaskRecord[]> {
    const { shards } = this.#server;
    const answers = await Promise.all(
      shards.map((shard) => this.#server.run<string[]>(LAPSED, shard, numeral(limit))),
    );
    return answers.flat().slice(0, limit).map(readRecord);
  }

  /** The tasks by shard, not too many at once. */
  #parts(tasks: readonly TaskKey[]): [shard: number, part: TaskKey[]][] {
    const parts: [number, TaskKey[]][] = [];
    const last = new Map<number, TaskKey[]>();
    for (const task of tasks) {
      const shard = this.#server.shardOf(task.userId);
      let part = last.get(shard);
      if (part === undefined || part.length === AT_MOST) {
        part = [];
        parts.push([shard, part]);
        last.set(shard, part);
      }
      part.push(task);
    }
    return parts;
  }
}

type RenewAnswer = ([isOwned: string, version: string, cancel: string] | null)[];

/** Renewed in one go: no script keeps the server for long. */
const AT_MOST = 500;

function note(renewals: Map<TaskKey, Renewal>, task: TaskKey, answer: RenewAnswer[number]): void {
  if (answer === null) return;
  const [isOwned, version, cancel] = answer;
  const { id } = task;
  renewals.set(task, { id, owned: isOwned === "1", version: Number(version), cancel: JSON.parse(cancel) });
}
