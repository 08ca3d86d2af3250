import type { Ledger } from "../ledger/ledger.ts";
import type { StoreReader } from "../ledger/store-gateway.ts";
import type { TaskHint } from "../model/store.ts";
import { scopeOf, type TaskRecord } from "../model/task.ts";
import type { RunningTasks } from "../tasks/running-tasks.ts";
import type { Starter } from "../tasks/start.ts";
import type { Clock } from "../time/clock.ts";

/** Keeps this process's tasks its own, and hears of what others have done to them. */
export class Leases {
  readonly #parts: LeasesParts;

  constructor(parts: LeasesParts) {
    this.#parts = parts;
  }

  /** Tells the store that this process is alive. */
  async renew(): Promise<void> {
    const { ledger, runningTasks, starter } = this.#parts;
    const held = [...runningTasks.records, ...starter.records];
    const renewals = await ledger.renew(held);
    const versions = new Map(renewals.map(({ id, version }) => [id, version]));
    for (const record of held) if (!versions.has(record.id)) this.#gone(record);
    const changed = held.filter(({ id, version }) => (versions.get(id) ?? version) !== version);
    await Promise.all(changed.map((record) => this.#reread(record)));
  }

  /** What is newer than this process knows, another one has written. */
  hinted(hint: TaskHint): void {
    // What this process has written itself, it may hear of before it has the answer.
    if (this.#isNews(hint)) this.#parts.clock.nextPass(() => this.#look(hint));
  }

  #look(hint: TaskHint): void {
    const known = this.#known(hint);
    if (known !== undefined && this.#isNews(hint)) this.#reread(known).catch(() => undefined);
  }

  #isNews(hint: TaskHint): boolean {
    const known = this.#known(hint);
    return known !== undefined && known.lastSeq < hint.lastSeq;
  }

  #known({ id }: TaskHint): TaskRecord | undefined {
    const { runningTasks, starter } = this.#parts;
    return runningTasks.recordOf(id) ?? starter.recordOf(id);
  }

  async #reread(known: TaskRecord): Promise<void> {
    const { gateway, runningTasks, starter } = this.#parts;
    const record = await gateway.ask("get", (store) => store.get(scopeOf(known), known.id));
    if (record === undefined) return this.#gone(known);
    runningTasks.changed(record);
    if (starter.has(known.id)) starter.changed(record);
  }

  /** Whether it was lost, its task finds out. One that is queued is not written again. */
  #gone(known: TaskRecord): void {
    const { runningTasks, starter } = this.#parts;
    runningTasks.vanished(known.id);
    if (starter.has(known.id)) starter.changed({ ...known, owner: null });
  }
}

interface LeasesParts {
  readonly clock: Clock;
  readonly gateway: StoreReader;
  readonly ledger: Ledger;
  readonly runningTasks: RunningTasks;
  readonly starter: Starter;
}
