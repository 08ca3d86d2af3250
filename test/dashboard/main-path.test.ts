import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { describeChromium, startChromium } from "../support/chromium.ts";
import { until } from "../support/until.ts";
import { ADA, begin, ended, Site } from "./site.ts";
import { detail, row, says, shows, type Visit, visit } from "./visits.ts";

describeChromium("the page", () => {
  let browser: Browser;
  let site: Site;
  let visits: Visit[];
  beforeAll(async () => {
    browser = await startChromium();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    visits = [];
    site = await new Site().start();
  });
  afterEach(async () => {
    for (const { complaints, close } of visits) {
      expect(complaints).toEqual([]);
      await close();
    }
    await site.close();
  });

  async function open(options: Parameters<typeof visit>[2] = {}) {
    const opened = await visit(browser, site, options);
    visits.push(opened);
    return opened.page;
  }

  test("shows a task as it appears, moves, writes and ends", async () => {
    const page = await open();
    await page.getByText("No tasks yet").waitFor();
    const build = await begin(site, "build", { tag: "api" });
    await row(page, "build").waitFor();
    await until(async () => expect(await page.title()).toBe("(1) Background tasks"));
    build.context.report({ value: 3, total: 4, message: "linking" });
    await says(row(page, "build"), /linking.*75 %/s);
    await row(page, "build").getByRole("link").click();
    build.context.write("first line\n");
    await says(detail(page).getByRole("region", { name: "Output" }), /first line/);
    build.context.write("second line\n");
    await says(detail(page).getByRole("region", { name: "Output" }), /first line\nsecond line/);
    build.finish({ image: { tag: "api", layers: ["a", "b"] } });
    await says(detail(page).locator(".pill"), "Completed");
    await says(detail(page).locator(".json"), /image: \{2 properties\}/);
    await detail(page).getByText("{2 properties}").last().click();
    await says(detail(page).locator(".json"), /tag: "api"/);
    await says(detail(page).locator(".steps"), /Queued.*Started.*Completed/s);
    await until(async () => expect(await page.title()).toBe("Background tasks"));
  });

  test("says why a task has failed, and that its output has lost its beginning", async () => {
    const tests = await begin(site, "run_tests");
    for (let part = 1; part <= 4; part += 1) {
      tests.context.write(`${part}`.repeat(100_000));
      await until(async () => expect((await site.tasks.get(ADA, tests.task.id))?.lastSeq).toBe(2 + part));
    }
    tests.fail("3 of 240 tests failed");
    await site.tasks.wait(ADA, [tests.task.id]);
    const page = await open({ path: `/tasks?task=${tests.task.id}` });
    await says(detail(page).locator(".failure"), /tool_error.*3 of 240 tests failed/s);
    await detail(page).getByText("Its beginning is not kept.").waitFor();
  });

  test("stops a task once its user has confirmed it, with a reason", async () => {
    const { task } = await begin(site, "crawl");
    const page = await open();
    const stop = page.getByRole("button", { name: "Stop crawl" });
    await stop.click();
    await page.getByRole("button", { name: "Keep running" }).click();
    expect((await site.tasks.get(ADA, task.id))?.cancel).toBeNull();
    await stop.click();
    await page.getByLabel("Reason").fill("too slow");
    await page.getByRole("dialog").getByRole("button", { name: "Stop", exact: true }).click();
    await says(row(page, "crawl"), "Cancelled");
    expect((await site.tasks.get(ADA, task.id))?.cancel).toMatchObject({ by: "user", reason: "too slow" });
  });

  test("a question is closed by its own answer alone, and not by a slip of the mouse", async () => {
    await begin(site, "crawl");
    await begin(site, "build");
    const page = await open();
    const dialog = page.getByRole("dialog");
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route("**/cancel", (route) => held.then(() => route.continue()));
    await page.getByRole("button", { name: "Stop crawl" }).dblclick();
    await dialog.getByLabel("Reason").fill("too slow");
    const { x, y } = (await dialog.getByLabel("Reason").boundingBox()) ?? { x: 0, y: 0 };
    await page.mouse.move(x + 5, y + 5);
    await page.mouse.down();
    await page.mouse.move(5, 5);
    await page.mouse.up();
    await dialog.getByRole("button", { name: "Stop", exact: true }).click();
    await dialog.getByRole("button", { name: "Close" }).click();
    await page.getByRole("button", { name: "Stop build" }).click();
    const answered = page.waitForResponse("**/cancel");
    release();
    await answered;
    await says(row(page, "crawl"), "Cancelled");
    expect(await dialog.getByText("build()").isVisible()).toBe(true);
  });

  test("stops all that match, and says how many that are", async () => {
    for (let each = 0; each < 7; each += 1) await begin(site, "transcribe", { each });
    const other = await begin(site, "build");
    const page = await open();
    await page.getByLabel("Search").fill("transcribe");
    await page.getByRole("button", { name: "Stop all 7" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Stop 7 tasks" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    const all = await site.tasks.list(ADA);
    expect(all.tasks.filter(({ cancel }) => cancel?.by === "user")).toHaveLength(7);
    expect((await site.tasks.get(ADA, other.task.id))?.cancel).toBeNull();
  });

  test("filters by status, tool and session and searches; the address keeps it", async () => {
    await begin(site, "build", { tag: "api" });
    await ended(site, "read_file", { path: "a.ts" }, "text");
    await begin(site, "read_file", { path: "b.ts" }, { userId: "ada", sessionId: "other" });
    const page = await open();
    await shows(page, 'build(tag="api")', 'read_file(path="a.ts")', 'read_file(path="b.ts")');
    await page.getByLabel("Tool").selectOption("read_file");
    await shows(page, 'read_file(path="a.ts")', 'read_file(path="b.ts")');
    await page.getByRole("button", { name: /^Running/ }).click();
    await shows(page, 'read_file(path="b.ts")');
    await page.reload();
    await shows(page, 'read_file(path="b.ts")');
    await page.getByLabel("Session").selectOption("chat");
    await page.getByText("No task matches").waitFor();
    await page.getByRole("button", { name: "Clear filters" }).first().click();
    await page.getByLabel("Search").fill("API build");
    await shows(page, 'build(tag="api")');
    expect(new URL(page.url()).searchParams.get("q")).toBe("API build");
  });

  test("goes back from a task by the browser's own button", async () => {
    await ended(site, "read_file", {}, "text");
    const page = await open();
    await row(page, "read_file").getByRole("link").click();
    await detail(page).waitFor();
    await page.goBack();
    await detail(page).waitFor({ state: "detached" });
    await page.goForward();
    await says(detail(page).getByRole("region", { name: "Result" }), "text");
  });

  test("creates a task with the fields of its tool, and says which one is wrong", async () => {
    const page = await open();
    await page.getByRole("button", { name: "New task" }).first().click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("title").fill("ab");
    await dialog.getByLabel("format").selectOption("html");
    await dialog.getByLabel("sources").fill('["a", "b"]');
    await dialog.getByRole("button", { name: "Create" }).click();
    await dialog.getByRole("alert").waitFor();
    expect(await dialog.locator('[aria-invalid="true"]').count()).toBe(1);
    await dialog.getByLabel("title").fill("May");
    await dialog.getByLabel("Description").fill("Report of May");
    await dialog.getByRole("button", { name: "Create" }).click();
    await says(detail(page).getByRole("heading", { level: 2 }), "Report of May");
    const { tasks } = await site.tasks.list(ADA);
    const [created] = (await site.tasks.list({ userId: "ada" })).tasks;
    expect(tasks).toEqual([]);
    await until(async () =>
      expect(await site.tasks.result({ userId: "ada" }, created?.id ?? "")).toMatchObject({
        value: { written: { title: "May", pages: 2, format: "html", sources: ["a", "b"] } },
      }),
    );
  });

  test("shows two users each their own", async () => {
    await begin(site, "build");
    await begin(site, "deploy", {}, { userId: "bob", sessionId: "chat" });
    const [ada, bob] = [await open(), await open({ user: "bob" })];
    await shows(ada, "build()");
    await shows(bob, "deploy()");
  });

  test("keeps what it shows while the server is away, and goes on when it is back", async () => {
    const build = await begin(site, "build");
    const page = await open({ path: `/tasks?task=${build.task.id}` });
    build.context.write("before\n");
    await says(detail(page).getByRole("region", { name: "Output" }), /before/);
    await site.stop();
    await page.getByText("The server cannot be reached.").waitFor();
    await row(page, "build").waitFor();
    build.context.write("meanwhile\n");
    await site.start();
    await says(detail(page).getByRole("region", { name: "Output" }), /before\nmeanwhile/);
    await says(page.locator(".connection"), "Live");
    await page.getByText("The server cannot be reached.").waitFor({ state: "detached" });
  });

  test("says that its user is signed out, and goes on after the next sign-in", async () => {
    await begin(site, "build");
    const page = await open();
    await row(page, "build").waitFor();
    site.signedOut.add("ada");
    await site.stop();
    await site.start();
    await page.getByText("You are signed out.").waitFor();
    await row(page, "build").waitFor();
    site.signedOut.clear();
    await page.getByRole("button", { name: "Try again" }).click();
    await says(page.locator(".connection"), "Live");
    await begin(site, "deploy");
    await row(page, "deploy").waitFor();
  });

  test("goes on with the task that is looked at, too, after the next sign-in", async () => {
    const build = await begin(site, "build");
    const page = await open({ path: `/tasks?task=${build.task.id}` });
    build.context.write("before\n");
    await says(detail(page).getByRole("region", { name: "Output" }), /before/);
    site.signedOut.add("ada");
    await site.stop();
    await site.start();
    await page.getByText("You are signed out.").waitFor();
    site.signedOut.clear();
    build.context.write("meanwhile\n");
    await page.getByRole("button", { name: "Try again" }).click();
    await says(detail(page).getByRole("region", { name: "Output" }), /before\nmeanwhile/);
    expect(await page.getByRole("alert").count()).toBe(0);
  });

  test("shows a task that is older than all that are loaded, whatever else happens", async () => {
    const { id } = await ended(site, "read_file", { path: "first" }, "text");
    for (let each = 0; each < 500; each += 1) await ended(site, "read_file", { each }, each);
    const page = await open({ path: `/tasks?task=${id}` });
    await page.locator('.row[aria-posinset="1"]').waitFor();
    await says(detail(page).getByRole("region", { name: "Result" }), "text");
    await says(detail(page).getByRole("heading", { level: 2 }), 'read_file(path="first")');
    // It comes back with a snapshot.
    await site.stop();
    await page.getByText("The server cannot be reached.").waitFor();
    await site.start();
    await says(page.locator(".connection"), "Live");
    await begin(site, "build");
    await row(page, "build").waitFor();
    await says(detail(page).getByRole("heading", { level: 2 }), 'read_file(path="first")');
  });

  test("says so where a task is missing, or somebody else's", async () => {
    const { task } = await begin(site, "secret", {}, { userId: "bob", sessionId: "chat" });
    const page = await open({ path: `/tasks?task=${task.id}` });
    await page.getByText("This task is not there any more, or it is not yours.").waitFor();
  });

  test("learns what it may do, also where the handler could not say at first", async () => {
    await begin(site, "build");
    const page = await open({ path: "/elsewhere" });
    let asked = 0;
    await page.route("**/openapi.json", (route) => {
      asked += 1;
      return asked === 1 ? route.fulfill({ status: 503 }) : route.continue();
    });
    await page.goto(`${site.url}/tasks`);
    await row(page, "build").waitFor();
    await page.getByRole("button", { name: "Stop build" }).waitFor();
    expect(asked).toBe(2);
  });

  test("offers nothing where what answers is no description", async () => {
    await begin(site, "build");
    const page = await open({ path: "/elsewhere" });
    await page.route("**/openapi.json", (route) =>
      route.fulfill({ contentType: "text/html", body: "<!doctype html>" }),
    );
    await page.goto(`${site.url}/tasks`);
    await row(page, "build").waitFor();
    expect(await page.getByRole("button", { name: "Stop build" }).count()).toBe(0);
  });
});
