import type { Renewal, TaskKey } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import { isCancel } from "../shared/check-record.ts";
import { LAPSED, RENEW } from "./lua/leases.ts";
import { listed, nameOfTask, numeral } from "./names.ts";
import { parsed } from "./records.ts";
import type { Server } from "./server.ts";
import { setAside, wholeRecords } from "./whole-records.ts";

/** Leases of tasks: who runs them says so now and then. */
export class Leases {
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
  }

  async renew(owner: string, tasks: readonly TaskKey[], leaseMs: number): Promise<Renewal[]> {
    const renewals = new Map<TaskKey, Renewal>();
    const renewBatch = async ({ shard, batch }: Batch) => {
      const args = [JSON.stringify(owner), numeral(leaseMs), ...listed(batch.map(nameOfTask))];
      const answers = await this.#server.run<RenewAnswer>(RENEW, shard, ...args);
      for (const [index, task] of batch.entries()) {
        const renewal = renewalOf(task, answers[index] ?? null);
        if (renewal === "damaged")
          await setAside(this.#server, shard, nameOfTask(task), "its cancel is wrong");
        else if (renewal !== undefined) renewals.set(task, renewal);
      }
    };
    await Promise.all(this.#batches(tasks).map(renewBatch));
    return tasks.flatMap((task) => renewals.get(task) ?? []);
  }

  /** Every shard is asked for as many as are wanted: after a crash, all may be in one. */
  async lapsed(limit: number): Promise<TaskRecord[]> {
    const { shards } = this.#server;
    const lapsedIn = async (shard: number) => {
      const flat = await this.#server.run<string[]>(LAPSED, shard, numeral(limit));
      return wholeRecords(this.#server, shard, flat);
    };
    return (await Promise.all(shards.map(lapsedIn))).flat().slice(0, limit);
  }

  /** The tasks by shard, not too many at once. */
  #batches(tasks: readonly TaskKey[]): Batch[] {
    const batches: Batch[] = [];
    const last = new Map<number, TaskKey[]>();
    for (const task of tasks) {
      const shard = this.#server.shardOf(task.userId);
      let batch = last.get(shard);
      if (batch === undefined || batch.length === AT_MOST) {
        batch = [];
        batches.push({ shard, batch });
        last.set(shard, batch);
      }
      batch.push(task);
    }
    return batches;
  }
}

/** What one script renews. */
interface Batch {
  shard: number;
  batch: TaskKey[];
}

type RenewAnswer = ([isOwned: string, version: string, cancel: string] | null)[];

/** Renewed in one go: no script keeps the server for long. */
const AT_MOST = 500;

function renewalOf({ id }: TaskKey, answer: RenewAnswer[number]): Renewal | "damaged" | undefined {
  if (answer === null) return undefined;
  const [isOwned, version, text] = answer;
  const cancel = parsed(text);
  if (!isCancel(cancel)) return "damaged";
  return { id, owned: isOwned === "1", version: Number(version), cancel };
}
