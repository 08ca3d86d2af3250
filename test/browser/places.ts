/** Where the client runs: in a page of a real Chromium, or in a worker of this Node. */

import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Browser, BrowserContext } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe } from "vitest";
import { describeChromium, startChromium } from "../support/chromium.ts";
import { recorderText } from "./bundle.ts";
import { type Ask, Seat } from "./seat.ts";

export interface Place {
  name: string;
  /** A client that has been opened nowhere yet; `origin` serves its page. */
  seat(origin: string): Promise<Seat>;
  /** Another of the same user. */
  context(): BrowserContext;
}

/** Runs tests in both; one browser for them all, and nothing is left of a test when it ends. */
export function inBothPlaces(run: (place: Place) => void): void {
  inChromium(run);
  describe("in Node", () => {
    const workers: Worker[] = [];
    afterEach(async () => void (await Promise.all(workers.splice(0).map((worker) => worker.terminate()))));
    const context = () => {
      throw new Error("There are no tabs in Node.");
    };
    run({ name: "Node", context, seat: async () => seatInNode(workers) });
  });
}

function inChromium(run: (place: Place) => void): void {
  describeChromium("in Chromium", () => {
    let browser: Browser;
    let context: BrowserContext | undefined;
    beforeAll(async () => {
      browser = await startChromium();
    });
    afterEach(async () => {
      await context?.close();
      context = undefined;
    });
    afterAll(() => browser.close());
    const seat = async (origin: string) => {
      context ??= await browser.newContext();
      const page = await context.newPage();
      await page.goto(origin);
      await page.waitForFunction("globalThis.recorder !== undefined");
      const ask: Ask = (name, args) => page.evaluate(ASK, [name, args] as const);
      return new Seat(ask, page);
    };
    run({ name: "Chromium", seat, context: () => context as BrowserContext });
  });
}

/** In the page, of whose globals nothing is known here. */
const ASK = ([name, args]: readonly [string, unknown[]]) =>
  // biome-ignore lint/suspicious/noExplicitAny: see above
  (globalThis as any).recorder[name](...args);

async function seatInNode(workers: Worker[]): Promise<Seat> {
  const directory = mkdtempSync(join(tmpdir(), "tool-offload-worker-"));
  const file = join(directory, "worker.mjs");
  writeFileSync(file, (await recorderText()) + ANSWERS);
  const worker = new Worker(file);
  workers.push(worker);
  await once(worker, "message");
  rmSync(directory, { recursive: true });
  const waiting = new Map<number, (value: unknown) => void>();
  worker.on("message", ({ id, value }) => waiting.get(id)?.(value));
  let asked = 0;
  return new Seat((name, args) => {
    const id = asked++;
    worker.postMessage({ id, name, args });
    return new Promise((resolve) => waiting.set(id, resolve));
  });
}

const ANSWERS = `
import { parentPort } from "node:worker_threads";
parentPort.on("message", async ({ id, name, args }) => {
  parentPort.postMessage({ id, value: await recorder[name](...args) });
});
parentPort.postMessage({});`;
