import type { ExecutionDesk } from "../calls/execution.ts";
import type { Hub } from "../ledger/notices.ts";
import type { Retention } from "../ledger/sweeper.ts";
import type { KnownTool } from "../model/known-tool.ts";
import type { Background } from "../tasks/running-tasks.ts";
import type { Scheduler } from "../tasks/scheduler.ts";
import type { Starting } from "../tasks/start.ts";
import { Heartbeat } from "../time/heartbeat.ts";
import { Leases } from "./leases.ts";
import { Recovery } from "./recovery.ts";
import { Resuming } from "./restart.ts";

interface SharingRooms extends ExecutionDesk {
  readonly hub: Hub;
  readonly tools: ReadonlyMap<string, KnownTool>;
  readonly isAccepting: boolean;
  readonly scheduler: Scheduler;
  readonly background: Background;
  readonly starting: Starting;
  readonly retention: Retention;
}

/** What a manager does because others share its store: it keeps its tasks, and sees to those of the dead. */
export class Sharing {
  readonly #recovery: Recovery;
  /** Two hearts: however long a recovery takes, the leases are renewed. */
  readonly #renewing: Heartbeat;
  readonly #recovering: Heartbeat;
  readonly #stopHints: () => void;

  constructor(rooms: SharingRooms, leaseMs: number) {
    const { clock, hub, background, starting } = rooms;
    const leases = new Leases(background, starting);
    this.#recovery = new Recovery(background, starting, new Resuming(background, starting, rooms));
    this.#stopHints = hub.onHint((hint) => leases.hinted(hint));
    this.#renewing = new Heartbeat(clock, leaseMs, () => leases.renew());
    this.#recovering = new Heartbeat(clock, leaseMs, () => this.#recovery.recover());
    rooms.retention.begin();
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
}
