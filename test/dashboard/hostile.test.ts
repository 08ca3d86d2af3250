import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { describeChromium, startChromium } from "../support/chromium.ts";
import { until } from "../support/until.ts";
import { begin, flood, Site } from "./site.ts";
import { detail, row, says, type Visit, visit } from "./visits.ts";

const SCRIPT = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">";

describeChromium("what tools and users write", () => {
  let browser: Browser;
  let site: Site;
  let opened: Visit;
  beforeAll(async () => {
    browser = await startChromium();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    site = await new Site().start();
  });
  afterEach(async () => {
    expect(opened.complaints).toEqual([]);
    await opened.close();
    await site.close();
  });

  test("is text, in every place where it stands", async () => {
    const { task, context, fail } = await begin(
      site,
      SCRIPT,
      { [SCRIPT]: SCRIPT },
      { userId: "ada", sessionId: SCRIPT },
    );
    opened = await visit(browser, site, { path: `/tasks?task=${task.id}` });
    const { page } = opened;
    context.report({ message: SCRIPT });
    context.write(`${SCRIPT}\n`);
    await says(detail(page).getByRole("region", { name: "Output" }), /<script>/);
    await says(row(page, "owned"), /<script>/);
    fail(SCRIPT);
    await says(detail(page).locator(".failure"), /<script>/);
    expect(await page.title()).toBe("Background tasks");
    expect(await page.locator("img, main script").count()).toBe(0);
  });

  test("obeys nobody: escapes are left out, and marks of direction are shown", async () => {
    const { task, context } = await begin(site, "evil");
    opened = await visit(browser, site, { path: `/tasks?task=${task.id}` });
    context.write("\u001b[31mred\u001b[0m \u202Egnp.exe \u001b]0;title\u0007bell \u0007.\rover\n");
    await says(
      detail(opened.page).getByRole("region", { name: "Output" }),
      "red [U+202E]gnp.exe bell ␇.\nover",
    );
  });

  test("leaves the page usable: a line of a megabyte, and ten thousand lines a second", async () => {
    const long = await begin(site, "long_line");
    opened = await visit(browser, site, { path: `/tasks?task=${long.task.id}` });
    const { page } = opened;
    long.context.write("x".repeat(1_000_000));
    await says(detail(page).getByRole("region", { name: "Output" }), /x{1000}/);
    const fast = await begin(site, "fast_lines");
    await row(page, "fast_lines").getByRole("link").click();
    let isOver = false;
    const writing = (async () => {
      while (!isOver)
        await Promise.all([flood(fast, 1_000), new Promise((resolve) => setTimeout(resolve, 100))]);
    })();
    try {
      await says(detail(page).getByRole("region", { name: "Output" }), /line \d+/);
      await page.getByLabel("Search").fill("long");
      await until(async () => expect(await page.locator(".row").count()).toBe(1));
      await page.getByRole("button", { name: "Clear filters" }).click();
      await until(async () => expect(await page.locator(".row").count()).toBe(2));
    } finally {
      isOver = true;
      await writing;
    }
    const shown = await detail(page).getByRole("region", { name: "Output" }).textContent();
    expect(shown?.length).toBeLessThanOrEqual(100_000);
  });
});
