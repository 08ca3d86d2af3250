import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { describeChromium, startChromium } from "../support/chromium.ts";
import { until } from "../support/until.ts";
import { ADA, begin, ended, Site } from "./site.ts";
import { detail, row, summaries, type Visit, visit } from "./visits.ts";

describeChromium("a list", () => {
  let browser: Browser;
  let site: Site;
  let opened: Visit;
  beforeAll(async () => {
    browser = await startChromium();
    site = await new Site().start();
    for (let each = 1; each <= 3_000; each += 1) await ended(site, "read_file", { each }, each);
  });
  afterAll(async () => {
    await browser.close();
    await site.close();
  });
  beforeEach(async () => {
    opened = await visit(browser, site);
    await rowAt(1).waitFor();
  });
  afterEach(async () => {
    expect(opened.complaints).toEqual([]);
    await opened.close();
  });

  function rowAt(place: number) {
    return opened.page.locator(`.row[aria-posinset="${place}"]`);
  }

  test("of thousands draws those that can be seen, and says how many there are", async () => {
    const { page } = opened;
    expect(await page.locator(".row").count()).toBeLessThan(40);
    const first = page.locator(".row").first();
    expect(await first.getAttribute("aria-setsize")).toBe("500");
    expect(await first.getAttribute("aria-posinset")).toBe("1");
  });

  test("goes on to what is older, as far as there is anything", async () => {
    const { page } = opened;
    for (let size = 1_000; size <= 2_000; size += 500) {
      await page.getByRole("button", { name: "Load older tasks" }).click();
      await until(async () =>
        expect(await page.locator(".row").first().getAttribute("aria-setsize")).toBe(String(size)),
      );
    }
    await page.locator(".scroller").evaluate((list) => list.scrollTo({ top: 1_999 * 64 }));
    await rowAt(2_000).waitFor();
  });

  test("is walked by keyboard, to its end and back; Enter opens, and the focus is at the task", async () => {
    const { page } = opened;
    await page.locator(".row a").first().focus();
    const focused = () => page.evaluate(() => document.activeElement?.closest("li")?.ariaPosInSet);
    for (const [key, place] of [
      ["ArrowDown", "2"],
      ["End", "500"],
      ["ArrowUp", "499"],
      ["Home", "1"],
    ] as const) {
      await page.keyboard.press(key);
      await until(async () => expect(await focused()).toBe(place));
    }
    const summary = await rowAt(1).locator(".summary").textContent();
    await page.keyboard.press("Enter");
    await detail(page).getByRole("heading", { level: 2 }).waitFor();
    await until(async () =>
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe(summary),
    );
  });

  test("keeps the focus and the place where it is read, whatever comes in above", async () => {
    const { page } = opened;
    await page.locator(".scroller").evaluate((list) => list.scrollTo({ top: 100 * 64 }));
    const read = row(page, (await rowAt(104).locator(".summary").textContent()) ?? "");
    await read.getByRole("link").focus();
    const top = () => read.evaluate((element) => Math.round(element.getBoundingClientRect().top));
    const before = await top();
    const others = [await begin(site, "new"), await begin(site, "new"), await begin(site, "new")];
    await until(async () => expect(await read.getAttribute("aria-posinset")).toBe("107"));
    expect(await top()).toBe(before);
    expect(await read.evaluate((element) => element.contains(document.activeElement))).toBe(true);
    for (const { finish } of others) finish("done");
    await site.tasks.wait(
      ADA,
      others.map(({ task }) => task.id),
    );
    expect((await summaries(page)).length).toBeLessThan(40);
  });
});
