import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/** Looks again and again. */
export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (const giveUpAt = Date.now() + 20_000; !(await isTrue()); await sleep(20)) {
    assert(Date.now() < giveUpAt, `This has not come true within 20 s: ${isTrue}`);
  }
}
