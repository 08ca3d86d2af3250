import type { TaskStore } from "../core/model/store.ts";
import { ChangesReading } from "./redis/changes.ts";
import { Hints } from "./redis/hints.ts";
import { Leases } from "./redis/leases.ts";
import { Mender } from "./redis/mender.ts";
import { type RedisStoreOptions, redisStoreTerms } from "./redis/options.ts";
import { Outbox } from "./redis/outbox.ts";
import { Reading } from "./redis/reading.ts";
import { Retention } from "./redis/retention.ts";
import { Server } from "./redis/server.ts";
import { Tasks } from "./redis/tasks.ts";

export type { RedisLike, RedisSubscriberLike } from "./redis/client.ts";
export type { RedisStoreOptions } from "./redis/options.ts";

/**
 * Keeps tasks in Redis, 6.2 or newer, or in a Redis Cluster: they survive a crash, and any number of processes
 * share them. Its clock is that of the server.
 *
 * What the server keeps is as durable as it is set up to be. It needs `appendonly yes` to survive a restart,
 * and `maxmemory-policy noeviction`: with any other, a full server throws tasks away. With `appendfsync
 * everysec` the last second may be lost when the machine fails, and with replicas what a failed primary had
 * not passed on yet.
 *
 * Each call is one script in one hash slot, so all of it is written or nothing. A script finds its keys by
 * itself, as it goes: a slot must not be moved to another node of a cluster while the store is in use.
 *
 * Each hash slot names the version of what is written there. The first call looks at all of them. Where another
 * release has written another version, in whichever, every call is rejected with `not_supported`, and writes nothing.
 *
 * @throws `invalid_option`, naming the option and its value
 * @example
 * ```ts
 * import { Redis } from "ioredis";
 *
 * const client = new Redis("redis://localhost:6379");
 * const store = redisStore({ client, prefix: "my-app" });
 * const { records } = await store.list({ userId: "ada" }, { limit: 20 });
 * await store.close();
 * await client.quit();
 * ```
 */
export function redisStore(options: RedisStoreOptions): TaskStore {
  const terms = redisStoreTerms(options);
  const hints = new Hints(terms.client, terms.prefix);
  const server = new Server(terms, hints);
  const mender = new Mender(server);
  const retention = new Retention(server, mender);
  const finished = (shard: number) => retention.finished(shard);
  const tasks = new Tasks(server, finished);
  const reading = new Reading(server);
  const changes = new ChangesReading(server);
  const leases = new Leases(server);
  const outbox = new Outbox(server, mender, () => hints.nextWriter(), finished);
  const store: TaskStore = {
    isShared: true,
    insert: (task, limits, leaseMs) => tasks.insert(task, limits, leaseMs),
    get: (scope, id) => reading.get(scope, id),
    list: (scope, query) => reading.list(scope, query),
    transition: (task, version, change) => tasks.transition(task, version, change),
    admit: (task, version, change, limits) => tasks.admit(task, version, change, limits),
    append: (task, owner, events) => tasks.append(task, owner, events),
    events: (scope, id, query) => reading.events(scope, id, query),
    result: (scope, id) => reading.result(scope, id),
    changes: (queries, limit) => changes.read(queries, limit),
    checkpoint: (task, owner, checkpoint) => tasks.checkpoint(task, owner, checkpoint),
    payload: (task) => reading.payload(task),
    renew: (owner, tasks, leaseMs) => leases.renew(owner, tasks, leaseMs),
    lapsed: (limit) => leases.lapsed(limit),
    claim: (claimant, leaseMs, filter) => outbox.claim(claimant, leaseMs, filter),
    prolong: (claim, leaseMs) => outbox.prolong(claim, leaseMs),
    hold: (claimant, leaseMs, session, hold) => outbox.hold(claimant, leaseMs, session, hold),
    extend: (claim, modes, maxHolds) => outbox.extend(claim, modes, maxHolds),
    settle: (claim, outcome, keep = false) => outbox.settle(claim, outcome, keep),
    stopTurn: (session, reason, only) => outbox.stopTurn(session, reason, only),
    resetTurns: (session) => outbox.resetTurns(session),
    sweep: (limits, limit) => retention.sweep(limits, limit),
    onDamage: (listener) => server.onDamage(listener),
    close: async () => {
      server.close();
      hints.close();
    },
  };
  if (terms.client.duplicate) store.watch = (listener, missed) => hints.watch(listener, missed);
  return store;
}
