/** Visits of the page by users with a browser of their own. */
import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { expect } from "vitest";
import { until } from "../support/until.ts";
import type { Site } from "./site.ts";

export interface Visit {
  page: Page;
  /** What the browser had to complain about: scripts that failed, and what the policy forbids. */
  complaints: string[];
  close(): Promise<void>;
}

export async function visit(
  browser: Browser,
  { url }: Site,
  options: BrowserContextOptions & { user?: string; path?: string } = {},
): Promise<Visit> {
  const { user = "ada", path = "/tasks", ...others } = options;
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...others });
  await context.addCookies([{ name: "user", value: user, url }]);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", ({ message }) => complaints.push(message));
  page.on("console", (message) => {
    // What cannot be reached is told to the user by the page itself.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      complaints.push(message.text());
  });
  await page.goto(url + path);
  return { page, complaints, close: () => context.close() };
}

export function row(page: Page, text: string): Locator {
  return page.locator(".row", { hasText: text });
}

export function detail(page: Page): Locator {
  return page.getByRole("region", { name: "Task", exact: true });
}

/** Waits until it says so. */
export async function says(where: Locator, text: string | RegExp): Promise<void> {
  // biome-ignore lint/performance/useDomNodeTextContent: as it is seen, without what is hidden
  await until(async () => expect(await where.first().innerText({ timeout: 1_000 })).toMatch(text));
}

export async function summaries(page: Page): Promise<string[]> {
  return page.locator(".row .summary").allInnerTexts();
}

/** Waits until just these are shown. */
export async function shows(page: Page, ...expected: string[]): Promise<void> {
  await until(async () => expect((await summaries(page)).toSorted()).toEqual(expected.toSorted()));
}
