import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as library from "tool-offload";
import { BackgroundTaskManager, DEFAULTS } from "tool-offload";
import { createTaskHandler } from "tool-offload/http";
import { afterAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { PROBLEMS } from "../src/http/problems.ts";
import { ROUTES } from "../src/http/routes.ts";
import { docstringExamples, fenced, isComplete, pages, root, type Snippet } from "./snippets/extract.ts";
import { brokenLinks } from "./snippets/links.ts";
import { broken, promises, Workshop } from "./snippets/run.ts";
import { SnippetProgram } from "./snippets/types.ts";

/** All pages, one after the other. */
const manual = [...pages.values()].join("\n");
const readme = pages.get("README.md") ?? "";
const snippets = fenced("ts", "js");
const examples = docstringExamples();
const programs = [...snippets, ...examples].filter(isComplete);

function planted(code: string): Snippet {
  return { place: "planted", code, typesOnly: false };
}

/** The rows of the table that follows a marker; code marks are taken off the first two cells. */
function tableAfter(marker: string): string[][] {
  const [, after] = manual.split(marker);
  const rows =
    /(?:^\|.*\n)+/m
      .exec(after ?? "")?.[0]
      .trim()
      .split("\n")
      .slice(2) ?? [];
  return rows.map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function uncoded(cell = ""): string {
  return cell.replace(/^`(.*)`$/, "$1");
}

const WRONG_TYPES = planted(
  'import { ToolOffloadMiddleware } from "tool-offload";\nnew ToolOffloadMiddleware({ taskz: 1 });',
);
const program = new SnippetProgram([...snippets, ...examples, WRONG_TYPES]);

describe("the snippets", () => {
  const faults = program.faults();
  const workshop = new Workshop();
  afterAll(() => workshop.close());

  test("there are some of each kind", () => {
    expect(snippets.length).toBeGreaterThan(20);
    expect(examples.length).toBeGreaterThan(5);
    expect(programs.length).toBeGreaterThan(8);
  });

  test("agree with the types of the library", () => {
    expect(faults.filter((fault) => !fault.startsWith(WRONG_TYPES.place))).toEqual([]);
  });

  test("would be caught if they did not", () => {
    expect(faults).toContainEqual(expect.stringMatching(/^planted \(line 2 of it\): .*taskz/));
  });

  test.concurrent.each(programs)("$place runs, and prints what it says", async (snippet) => {
    expect(broken(snippet, await workshop.run(snippet))).toEqual([]);
  });

  test("would be caught if they broke, or printed something else", async () => {
    await expect(workshop.run(planted('throw new Error("planted");'))).rejects.toThrow("planted");
    const wrong = planted("console.log(1 + 1); // 3");
    expect(promises(wrong)).toHaveLength(1);
    expect(broken(wrong, await workshop.run(wrong))).toEqual(["3"]);
  });
});

describe("the beginning", () => {
  const quickstart = readFileSync(join(root, "examples/quickstart.ts"), "utf8");

  test("shows the quickstart example as it is, in 15 lines, among the first 30", () => {
    expect(snippets[0]?.code).toBe(quickstart);
    expect(quickstart.trimEnd().split("\n").length).toBeLessThanOrEqual(15);
    expect(readme.split("\n").slice(0, 30).join("\n")).toContain(quickstart);
  });
});

describe("the tables of options", () => {
  const tables = [...manual.matchAll(/<!-- options: (\w+) -->/g)].map(([marker, name = ""]) => ({
    name,
    rows: tableAfter(marker).map(([option, cell]) => [uncoded(option), uncoded(cell)] as const),
  }));

  test("are there for everything that has options", () => {
    const core = ["manager", "middleware", "task", "query"].map(
      (name) => `src/core/options/${name}-options.ts`,
    );
    const files = [
      ...core,
      "src/follow-up/options.ts",
      "src/http/options.ts",
      "src/client/options.ts",
      "src/tools/control-tools.ts",
    ];
    const shared = ["FollowUpOptions"];
    const wanted = files
      .flatMap((file) => program.interfacesIn(file))
      .filter((name) => name.endsWith("Options") && !shared.includes(name));
    const shown = tables.map(({ name }) => name.replace("BackgroundTaskManagerOptions", "ManagerOptions"));
    expect(wanted.length).toBeGreaterThan(5);
    expect(shown).toEqual(expect.arrayContaining(wanted));
  });

  test.each(tables)("$name has every option, with the default its docstring says", ({ name, rows }) => {
    const options = program.optionsOf(name);
    expect(rows.map(([option]) => option).sort()).toEqual([...options.keys()].sort());
    for (const [option, cell] of rows) {
      const { isOptional, documented } = options.get(option) ?? {};
      expect(cell === "required", `${option} is required`).toBe(!isOptional);
      if (documented !== undefined) expect(cell, option).toBe(documented);
      else
        expect(
          cell in library || ["required", "none", "see below"].includes(cell),
          `${option}: ${cell}`,
        ).toBe(true);
    }
  });

  test("name the defaults that the library has", () => {
    const { limits, retention, listLimit, eventLimit, drainMs, ...plain } = DEFAULTS;
    const given = (name: string) =>
      Object.fromEntries(tables.find((table) => table.name === name)?.rows ?? []);
    const numbers = (cells: Record<string, string>) => (option: string) =>
      Number(cells[option]?.replaceAll("_", ""));
    const all = {
      ...given("BackgroundTaskManagerOptions"),
      ...given("TaskOptions"),
      ...given("MiddlewareOptions"),
    };
    for (const [option, value] of Object.entries(plain)) expect(numbers(all)(option), option).toBe(value);
    for (const [option, value] of Object.entries(limits))
      expect(numbers(given("LimitOptions"))(option)).toBe(value);
    for (const [option, value] of Object.entries(retention)) {
      expect(numbers(given("RetentionOptions"))(option)).toBe(value);
    }
    expect(numbers(given("TaskQuery"))("limit")).toBe(listLimit);
    expect(numbers(given("TaskEventQuery"))("limit")).toBe(eventLimit);
    expect(manual).toContain(`\`drainMs\` (default \`${drainMs.toLocaleString("en").replace(",", "_")}\`)`);
  });

  test.each([
    "TaskEventBody",
    "FollowUpDropReason",
    "FollowUpMode",
    "TaskOffloadErrorCode",
    "TaskErrorCode",
    "TaskStatus",
    "CancelledBy",
  ])("every member of %s is named", (name) => {
    const members = program.membersOf(name);
    expect(members.length).toBeGreaterThan(1);
    for (const member of members)
      expect(manual).toMatch(new RegExp(`[\`"]${member}[\`"]|\\b${member} {2,}|▶ ${member}`));
  });
});

describe("the routes", () => {
  const tools = { build: { execute: () => "built", schema: z.object({ branch: z.string() }) } };
  const rows = tableAfter("## Routes").map(([route]) => uncoded(route));

  test("are those that the handler documents", () => {
    const source = readFileSync(join(root, "src/http/handler.ts"), "utf8");
    const documented = [...source.matchAll(/^ \* \| `((?:GET|POST) \/\S*)`/gm)].map(
      ([, route = ""]) => route,
    );
    const full = documented.map((route) => route.replace(" /", " /background-tasks/").replace(/\/$/, ""));
    expect(rows.length).toBeGreaterThan(4);
    expect([...rows].sort()).toEqual(full.sort());
  });

  test("are those of the table", () => {
    const table = ROUTES.map(({ method, path }) => `${method} /background-tasks${path}`.replace(/\/$/, ""));
    expect([...rows].sort()).toEqual(table.sort());
  });

  test("look at no header that a page of another origin is not let send", () => {
    const [, allowed = ""] = /`Access-Control-Allow-Headers` \| `([^`]*)`/.exec(manual) ?? [];
    const read = ROUTES.flatMap(({ headers }) => Object.keys(headers?.shape ?? {}));
    const all = ["Authorization", "Content-Type", "If-None-Match", ...read];
    expect(allowed.split(", ").map(uncoded).sort()).toEqual(all.sort());
  });

  test("are those that the handler describes in OpenAPI", async () => {
    const tasks = new BackgroundTaskManager();
    const handler = createTaskHandler({
      tasks,
      authenticate: () => ({ userId: "ada" }),
      allowCancel: true,
      tools,
    });
    const response = await handler(new Request("http://localhost/background-tasks/openapi.json"));
    const { paths } = (await response.json()) as { paths: Record<string, object> };
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace("{id}", ":id")}`),
    );
    expect([...rows].sort()).toEqual(described.sort());
    await tasks.close();
  });

  test("exist, and so do those that the curl lines ask for", async () => {
    const tasks = new BackgroundTaskManager();
    const scope = { userId: "ada" };
    const { id } = await tasks.start({ toolName: "add", input: {}, scope }, () => 2);
    await tasks.wait(scope, [id]);
    const handler = createTaskHandler({ tasks, authenticate: () => scope, allowCancel: true, tools });
    const asked = fenced("sh").flatMap(({ code }) => whole(code).flatMap(askedBy));
    expect(asked.length).toBeGreaterThan(2);
    const routes = rows.map((route) => asked.find((one) => one.route === route) ?? { route });
    for (const { route, ...init } of [...routes, ...asked]) {
      const [method = "", path = ""] = route.replace(/:id|V1StGXR8_Z5jdHi6B-myT/, id).split(" ");
      const { status } = await handler(new Request(`http://localhost${path}`, { method, ...init }));
      expect(status, route).toBe("body" in init ? 202 : 200);
    }
    await tasks.close();
  });
});

describe("the problems over HTTP", () => {
  test("are those of the page, both ways", () => {
    const shown = tableAfter("and its words may change.").map(([code, status]) => [uncoded(code), status]);
    const known = Object.entries(PROBLEMS).map(([code, { status }]) => [code, String(status)]);
    expect(shown).toEqual(known);
  });
});

describe("what it points at", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: object };

  test("npm scripts exist", () => {
    const named = [...manual.matchAll(/npm (?:run (\S+?)|(test|install))(?=[`\s])/g)].map(
      ([, script, word]) => script ?? word,
    );
    expect(named).toEqual(expect.arrayContaining(["demo", "test"]));
    for (const name of named) expect([...Object.keys(scripts), "install"]).toContain(name);
  });

  test("shell blocks hold nothing but npm and curl", () => {
    const lines = fenced("sh").flatMap(({ code }) => whole(code));
    for (const line of lines)
      expect(line).toMatch(/^(npm install( tool-offload)?|npm run demo|npm test|curl .*)$/);
  });

  test("files and headings exist", () => {
    expect(brokenLinks(pages)).toEqual([]);
  });

  test("a broken one is found, and a page that nobody points at", () => {
    const planted = new Map([
      ["README.md", "[a](docs/a.md#there) [b](docs/b.md) [c](docs/a.md#nowhere)"],
      ["docs/README.md", "[a](a.md)"],
      ["docs/a.md", "# There\n"],
      ["docs/lonely.md", "# Lonely\n"],
    ]);
    expect(brokenLinks(planted)).toEqual([
      "README.md points at docs/b.md",
      "README.md points at docs/a.md#nowhere",
      "docs/lonely.md is not in docs/README.md",
    ]);
  });

  test("the README is a door: at most 250 lines", () => {
    expect(readme.split("\n").length).toBeLessThanOrEqual(250);
  });

  test("markers for what JSON cannot carry are those that encode.ts documents", () => {
    const source = readFileSync(join(root, "src/core/values/encode.ts"), "utf8");
    const kept = tableAfter("listed in `lossy`. Nothing").map(([, cell]) => cell ?? "");
    const markers = kept.flatMap((cell) => [...cell.matchAll(/"\[[^"]*"/g)].flat());
    expect(markers.length).toBeGreaterThan(15);
    for (const marker of markers) expect(source).toContain(marker);
  });
});

/** The commands of a shell block, each in one line. */
function whole(code: string): string[] {
  return code
    .trim()
    .replaceAll(/ \\\n */g, " ")
    .split("\n");
}

/** What a line of curl asks for. */
function askedBy(line: string): { route: string; headers?: Record<string, string>; body?: string }[] {
  if (!line.startsWith("curl ")) return [];
  const { pathname, search } = new URL(/http:\/\/[^\s']+/.exec(line)?.[0] ?? "");
  const body = /-d '([^']+)'/.exec(line)?.[1];
  const headers = Object.fromEntries(
    [...line.matchAll(/-H '([^:]+): ([^']+)'/g)].map(([, name, value]) => [name, value]),
  );
  const method = line.includes("-X POST") || body !== undefined ? "POST" : "GET";
  const route = `${method} ${pathname}${search}`;
  return [body === undefined ? { route } : { route, headers, body }];
}
