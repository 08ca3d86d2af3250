import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeChromium, startChromium } from "../support/chromium.ts";
import { until } from "../support/until.ts";
import { ADA, begin, ended, Site } from "./site.ts";
import { detail, row, says, visit } from "./visits.ts";

async function faultsOf(page: Page) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(", ")}`,
  );
}

describeChromium("for everybody", () => {
  let browser: Browser;
  let site: Site;
  let ids: Record<"running" | "done" | "failed", string>;
  beforeAll(async () => {
    browser = await startChromium();
    site = await new Site().start();
    const done = await ended(site, "search", { query: "x" }, { results: [{ title: "a" }], next: null });
    const failing = await begin(site, "run_tests");
    failing.fail("3 tests failed");
    await site.tasks.wait(ADA, [failing.task.id]);
    await begin(site, "queued_like", {}, { userId: "ada", sessionId: "other" });
    const running = await begin(site, "build", { tag: "api" });
    running.context.report({ value: 1, total: 3, message: "linking" });
    running.context.write("a line\n");
    ids = { running: running.task.id, done: done.id, failed: failing.task.id };
  });
  afterAll(async () => {
    await browser.close();
    await site.close();
  });

  const STATES: [name: string, path: () => string, act: (page: Page) => Promise<void>][] = [
    ["the list", () => "/tasks", (page) => row(page, "build").waitFor()],
    [
      "a running task",
      () => `/tasks?task=${ids.running}`,
      (page) => detail(page).getByText("a line").waitFor(),
    ],
    ["its result", () => `/tasks?task=${ids.done}`, (page) => detail(page).locator(".json").waitFor()],
    [
      "a failed task",
      () => `/tasks?task=${ids.failed}`,
      (page) => detail(page).locator(".failure").waitFor(),
    ],
    ["a missing task", () => "/tasks?task=none", (page) => detail(page).locator(".notice").waitFor()],
    ["no match", () => "/tasks?q=nothing", (page) => page.getByText("No task matches").waitFor()],
    ["a filter", () => "/tasks?status=running", (page) => row(page, "build").waitFor()],
    [
      "the question whether to stop",
      () => "/tasks",
      async (page) => {
        await page.getByRole("button", { name: "Stop build" }).click();
        await page.getByRole("dialog").waitFor();
      },
    ],
    [
      "a form",
      () => "/tasks",
      async (page) => {
        await page.getByRole("button", { name: "New task" }).click();
        await page.getByLabel("title").waitFor();
      },
    ],
  ];

  describe.each(["light", "dark"] as const)("in %s colours", (colorScheme) => {
    test.each(STATES)("%s has no fault that axe finds", async (_name, path, act) => {
      const { page, close, complaints } = await visit(browser, site, {
        colorScheme,
        path: path(),
        reducedMotion: "reduce",
      });
      await act(page);
      expect(await faultsOf(page)).toEqual([]);
      expect(complaints).toEqual([]);
      await close();
    });

    test.each([
      ["nothing yet", "carl", /No tasks yet/],
      ["signed out", "dora", /You are signed out/],
    ])("%s has no fault that axe finds", async (_name, user, text) => {
      site.signedOut.add("dora");
      const { page, close } = await visit(browser, site, { colorScheme, user });
      await page.getByText(text).waitFor();
      expect(await faultsOf(page)).toEqual([]);
      await close();
    });
  });

  test("the main path needs no mouse: to a task, to its button, through the question and back", async () => {
    const { task } = await begin(site, "by_keyboard");
    // Another try has another one.
    const { page, close } = await visit(browser, site, { path: `/tasks?q=${task.id}` });
    await row(page, "by_keyboard").waitFor();
    await tabTo(page, /by_keyboard\(\)/);
    await page.keyboard.press("Enter");
    // Where it comes to after the task is drawn, and from where it goes on.
    await page.locator(".detail h2:focus").waitFor();
    await page.keyboard.press("Shift+Tab");
    await tabTo(page, /^Stop$/, "Shift+Tab");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await tabTo(page, /^Stop$/);
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await says(detail(page).locator(".pill"), "Cancelled");
    expect((await site.tasks.get(ADA, task.id))?.cancel).toMatchObject({ by: "user" });
    await close();
  });

  test("nothing moves for who has asked for it, and the marks do otherwise", async () => {
    for (const [reducedMotion, moving] of [
      ["reduce", false],
      ["no-preference", true],
    ] as const) {
      const { page, close } = await visit(browser, site, { reducedMotion });
      await row(page, "build").waitFor();
      expect(await page.evaluate(() => document.getAnimations().length > 0)).toBe(moving);
      await close();
    }
  });

  test.each([
    ["a phone", { width: 375, height: 700 }],
    ["a zoom of 200 % on a small screen", { width: 512, height: 384 }],
  ])("nothing is cut off on %s", async (_what, viewport) => {
    for (const path of ["/tasks", `/tasks?task=${ids.running}`]) {
      const { page, close } = await visit(browser, site, { viewport, path });
      await (path === "/tasks" ? row(page, "build") : detail(page).getByText("a line")).first().waitFor();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(
        viewport.width,
      );
      await close();
    }
  });

  test("the timeline says in words what it shows", async () => {
    const { page, close } = await visit(browser, site, { path: "/tasks?tool=search" });
    await until(async () =>
      expect(await page.locator(".timeline svg").getAttribute("aria-label")).toMatch(
        /^Timeline of the last .+: 1 task, at most 1 at the same time, 0 unfinished\.$/,
      ),
    );
    await close();
  });
});

/** Goes on by keyboard until what has the focus says so. */
async function tabTo(page: Page, text: RegExp, key = "Tab"): Promise<void> {
  for (let step = 0; step < 40; step += 1) {
    const focused = await page.evaluate(() => {
      const { activeElement: element } = document;
      return element === document.body ? "" : (element?.textContent ?? "");
    });
    if (text.test(focused)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`The focus never came to ${text}.`);
}
