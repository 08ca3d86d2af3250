import type { TaskStore } from "../core/model/store.ts";
import { type Clock, clock, steady, systemClock } from "../core/time/clock.ts";
import { option, readOptions, type Table } from "../core/values/options.ts";
import { Catalogue } from "./memory/catalogue.ts";
import { ChangesReading } from "./memory/changes.ts";
import { Claims } from "./memory/claims.ts";
import { Hints } from "./memory/hints.ts";
import { Leases } from "./memory/leases.ts";
import { Outbox } from "./memory/outbox.ts";
import { Reading } from "./memory/reading.ts";
import { Retention } from "./memory/retention.ts";
import { Tasks } from "./memory/tasks.ts";
import { Waits } from "./memory/waits.ts";

export interface MemoryStoreOptions {
  /** Where time comes from. @default the clock of the machine */
  clock?: Clock | undefined;
}

const MEMORY = { clock: option(clock, systemClock) } satisfies Table<MemoryStoreOptions>;

/**
 * Keeps tasks in the memory of this process: nothing to set up, and gone when the process ends.
 *
 * @throws `invalid_option`, naming the option and its value
 * @example
 * import { memoryStore } from "tool-offload/stores/memory";
 *
 * const store = memoryStore();
 * const { records } = await store.list({ userId: "ada" }, { limit: 20 });
 * console.log(records); // []
 * await store.close();
 */
export function memoryStore(options: MemoryStoreOptions = {}): TaskStore {
  const clock = steady(readOptions(MEMORY, options).clock);
  const hints = new Hints();
  const catalogue = new Catalogue((record, firstSeq) => hints.tell(record, firstSeq));
  const waits = new Waits();
  const claims = new Claims(catalogue, waits, clock);
  let contents: Contents | undefined = {
    tasks: new Tasks(catalogue, clock),
    reading: new Reading(catalogue),
    changes: new ChangesReading(catalogue, clock),
    leases: new Leases(catalogue, clock),
    outbox: new Outbox(catalogue, claims, waits, hints, clock),
    retention: new Retention(catalogue, claims, clock),
  };
  const open = (): Contents => {
    if (contents === undefined) throw new Error("The store is closed.");
    return contents;
  };
  return {
    isShared: false,
    insert: async (task, limits, leaseMs) => open().tasks.insert(task, limits, leaseMs),
    get: async (scope, id) => open().reading.get(scope, id),
    list: async (scope, query) => open().reading.list(scope, query),
    transition: async (task, version, change) => open().tasks.transition(task, version, change),
    admit: async (task, version, change, limits) => open().tasks.admit(task, version, change, limits),
    append: async (task, owner, events) => open().tasks.append(task, owner, events),
    events: async (scope, id, query) => open().reading.events(scope, id, query),
    result: async (scope, id) => open().reading.result(scope, id),
    changes: async (queries, limit) => queries.map((query) => open().changes.read(query, limit)),
    checkpoint: async (task, owner, checkpoint) => open().tasks.checkpoint(task, owner, checkpoint),
    payload: async (task) => open().reading.payload(task),
    renew: async (owner, tasks, leaseMs) => open().leases.renew(owner, tasks, leaseMs),
    lapsed: async (limit) => open().leases.lapsed(limit),
    claim: async (claimant, leaseMs, filter) => open().outbox.claim(claimant, leaseMs, filter),
    prolong: async (claim, leaseMs) => open().outbox.prolong(claim, leaseMs),
    settle: async (claim, outcome, keep = false) => open().outbox.settle(claim, outcome, keep),
    hold: async (claimant, leaseMs, session, terms) => open().outbox.hold(claimant, leaseMs, session, terms),
    extend: async (claim, modes, maxHolds) => open().outbox.extend(claim, modes, maxHolds),
    stopTurn: async (session, reason, only) => open().outbox.stopTurn(session, reason, only),
    resetTurns: async (session) => open().outbox.resetTurns(session),
    sweep: async (limits, limit) => open().retention.sweep(limits, limit),
    watch: (listener) => hints.watch(listener),
    close: async () => {
      contents = undefined;
      hints.close();
    },
  };
}

/** All that is gone when the store is closed. */
interface Contents {
  tasks: Tasks;
  reading: Reading;
  changes: ChangesReading;
  leases: Leases;
  outbox: Outbox;
  retention: Retention;
}
