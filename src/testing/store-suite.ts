import { afterEach, beforeEach, describe } from "vitest";
import type { TaskStore } from "../core/model/store.ts";
import { func } from "../core/values/kinds.ts";
import { option, readOptions, type Table } from "../core/values/options.ts";
import { admissionSuite } from "./suite/admission.ts";
import { changesSuite } from "./suite/changes.ts";
import { claimSuite } from "./suite/claims.ts";
import { endSuite } from "./suite/ends.ts";
import { hintedClaimSuite } from "./suite/hinted-claims.ts";
import { holdSuite } from "./suite/holds.ts";
import { insertSuite } from "./suite/insert.ts";
import type { Lab } from "./suite/lab.ts";
import { leaseSuite } from "./suite/leases.ts";
import { listSuite } from "./suite/list.ts";
import { logSuite } from "./suite/log.ts";
import { payloadSuite } from "./suite/payload.ts";
import { repeatSuite } from "./suite/repeats.ts";
import { retentionSuite } from "./suite/retention.ts";
import { scopeSuite } from "./suite/scopes.ts";
import { settleSuite } from "./suite/settlements.ts";
import { transitionSuite } from "./suite/transitions.ts";
import { turnSuite } from "./suite/turns.ts";
import { waitSuite } from "./suite/waits.ts";
import { watchSuite } from "./suite/watching.ts";

export interface StoreSuiteOptions {
  /** The store's own time. @default Date.now */
  now?: () => number;
  /** Lets the store's time pass. @default waits */
  advance?: (ms: number) => void | Promise<void>;
  /** Cuts the connections on which stores listen. @default what a cut does is not tested */
  cut?: () => unknown;
}

const STORE_SUITE = {
  now: option(func<() => number>(), () => Date.now()),
  advance: option(func<(ms: number) => void | Promise<void>>(), sleep),
  cut: option(func<() => unknown>()),
} satisfies Table<StoreSuiteOptions>;

/**
 * What every store has to keep: the contract of `TaskStore`, sentence by sentence, as tests of vitest that
 * make their cases with fast-check. `create` makes an empty store for each test.
 *
 * @example With vitest
 * ```ts
 * import { memoryStore } from "tool-offload";
 * import { storeSuite } from "tool-offload/testing";
 *
 * storeSuite("memory", () => memoryStore());
 * ```
 */
export function storeSuite(
  name: string,
  create: () => Promise<TaskStore> | TaskStore,
  options: StoreSuiteOptions = {},
): void {
  const { now, advance, cut } = readOptions(STORE_SUITE, options);
  describe(name, () => {
    let store: TaskStore;
    beforeEach(async () => {
      store = await create();
    });
    afterEach(() => store.close());
    const lab: Lab = {
      get store() {
        return store;
      },
      now,
      advance: async (ms) => advance(ms),
      cut: cut && (async () => void (await cut())),
    };
    for (const [title, part] of PARTS) describe(title, () => part(lab));
  });
}

const PARTS: [title: string, part: (lab: Lab) => void][] = [
  ["insert", insertSuite],
  ["idempotency keys", repeatSuite],
  ["limits", admissionSuite],
  ["transition", transitionSuite],
  ["events", logSuite],
  ["list", listSuite],
  ["changes", changesSuite],
  ["scopes", scopeSuite],
  ["leases", leaseSuite],
  ["payload", payloadSuite],
  ["claim", claimSuite],
  ["claim by a hint", hintedClaimSuite],
  ["ends", endSuite],
  ["hold", holdSuite],
  ["wait for a session", waitSuite],
  ["settle", settleSuite],
  ["turns", turnSuite],
  ["sweep", retentionSuite],
  ["watch and close", watchSuite],
];

function sleep(ms: number): Promise<void> {
  // A timer may fire a little early by another clock.
  return new Promise((resolve) => setTimeout(resolve, ms + 20));
}
