import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";
import { describe, test } from "vitest";

const path = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";

/** Why no browser can be started here; `undefined`: one can. */
export const noChromium = existsSync(path)
  ? undefined
  : `there is no ${path} (on Debian: apt-get install chromium), and CHROMIUM_PATH names no other`;

export function startChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: path, args: ["--no-sandbox"] });
}

/** Tests that need a Chromium: skipped where there is none, which is a failure in CI. */
export function describeChromium(name: string, run: () => void): void {
  if (noChromium === undefined) {
    // A machine that others load too takes its time to draw.
    describe(name, { timeout: 60_000 }, run);
  } else if (process.env.CI === "true") {
    test(name, () => Promise.reject(new Error(`This cannot be tested: ${noChromium}.`)));
  } else {
    console.warn(`${name} is skipped: ${noChromium}.`);
    describe.skip(name, run);
  }
}
