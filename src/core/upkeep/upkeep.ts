import type { CallParts } from "../calls/running-calls.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Notices } from "../ledger/notices.ts";
import type { StoreReader } from "../ledger/store-gateway.ts";
import type { Sweeper } from "../ledger/sweeper.ts";
import type { KnownTool } from "../model/known-tool.ts";
import type { TaskTerms } from "../options/task-terms.ts";
import type { RunningTasks } from "../tasks/running-tasks.ts";
import type { Scheduler } from "../tasks/scheduler.ts";
import type { Starter } from "../tasks/start.ts";
import type { InContext } from "../time/async-context.ts";
import { Heartbeat } from "../time/heartbeat.ts";
import { Leases } from "./leases.ts";
import { Recovery } from "./recovery.ts";
import { Restarter } from "./restart.ts";
import { Truce } from "./truce.ts";

/** What a manager does because others share its store: it keeps its tasks, and sees to those of the dead. */
export class Upkeep {
  readonly #leases: Leases;
  readonly #recovery: Recovery;
  readonly #truce: Truce;
  /** Two hearts: however long a recovery takes, the leases are renewed. */
  readonly #renewing: Heartbeat;
  readonly #recovering: Heartbeat;
  readonly #stopHints: () => void;

  constructor(parts: UpkeepParts, leaseMs: number) {
    const { clock, inOwnContext, notices, sweeper } = parts;
    this.#leases = new Leases(parts);
    this.#recovery = new Recovery(parts, new Restarter(parts));
    this.#truce = new Truce(clock, leaseMs);
    this.#stopHints = notices.onHint((hint) => inOwnContext(() => this.#leases.hinted(hint)));
    this.#renewing = new Heartbeat(clock, leaseMs, () => this.#leases.renew());
    this.#recovering = new Heartbeat(clock, leaseMs, () => this.#recover());
    sweeper.begin();
  }

  /** The manager closes: what it takes up now, it would have to let go again. */
  stopTaking(): void {
    this.#recovery.stop();
    this.#recovering.close();
  }

  close(): void {
    this.#renewing.close();
    this.#stopHints();
  }

  async #recover(): Promise<void> {
    if (this.#truce.begins()) await this.#leases.renew();
    if (!this.#truce.isOn) await this.#recovery.recover();
  }
}

interface UpkeepParts extends CallParts {
  /** The tools that the manager knows by name. */
  readonly tools: ReadonlyMap<string, KnownTool>;
  readonly gateway: StoreReader;
  readonly inOwnContext: InContext;
  readonly isAccepting: boolean;
  readonly ledger: Ledger;
  readonly notices: Notices;
  readonly runningTasks: RunningTasks;
  readonly scheduler: Scheduler;
  readonly starter: Starter;
  readonly sweeper: Sweeper;
  readonly terms: TaskTerms;
}
