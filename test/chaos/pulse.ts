import { setTimeout as sleep } from "node:timers/promises";
import { CLAIM_MS } from "./deliveries.ts";
import type { Note } from "./journal.ts";
import { trueNow } from "./wall-clock.ts";

const PULSE_MS = 50;
const FEEL_MS = 200;
/** A process that gets no turn for so long cannot hold its claims. */
const HELD_UP_MS = CLAIM_MS / 2;

/** Notes whenever this process was held up. */
export function pulse(note: Note): void {
  let last = trueNow();
  setInterval(() => {
    const now = trueNow();
    if (now - last > HELD_UP_MS) note({ event: "process.held_up", since: last });
    last = now;
  }, PULSE_MS);
}

/** Notes whenever the store takes as long, which on a busy machine it may. */
export async function feel(note: Note, ask: () => Promise<unknown>): Promise<void> {
  for (;;) {
    const since = trueNow();
    await ask().catch(() => undefined);
    if (trueNow() - since > HELD_UP_MS) note({ event: "process.held_up", since });
    await sleep(FEEL_MS);
  }
}
