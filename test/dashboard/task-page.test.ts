import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { createTaskPage, type TaskPageOptions } from "../../src/dashboard/index.ts";

async function load(options: TaskPageOptions = {}, path = "/tasks", method = "GET") {
  const response = await createTaskPage(options)(new Request(`http://localhost${path}`, { method }));
  const html = await response.text();
  return { response, html, policy: response.headers.get("Content-Security-Policy") ?? "" };
}

function hashOf(html: string, tag: string): string {
  const [, text = ""] = new RegExp(`<${tag}[^>]*>([^]*?)</${tag}>`).exec(html) ?? [];
  expect(text.length).toBeGreaterThan(1_000);
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

test("the policy lets run what is in the document, and nothing else", async () => {
  const { html, policy, response } = await load();
  expect(response.headers.get("Content-Type")).toBe("text/html; charset=utf-8");
  expect(policy).toBe(
    `default-src 'none'; script-src ${hashOf(html, "script")}; style-src ${hashOf(html, "style")}; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'`,
  );
  expect(html.match(/<script/g)).toHaveLength(1);
});

test("nothing in it comes from another server", async () => {
  const { html } = await load();
  expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
});

test.each([
  ["/tasks", 200],
  ["/tasks/", 200],
  ["/tasks?task=1", 200],
  ["/tasks/other", 404],
  ["/", 404],
])("%s is a %i", async (path, status) => {
  expect((await load({}, path)).response.status).toBe(status);
});

test("HEAD has the headers alone, and anything else is not allowed", async () => {
  const { response, html } = await load({}, "/tasks", "HEAD");
  expect([response.status, html]).toEqual([200, ""]);
  const post = await load({}, "/tasks", "POST");
  expect([post.response.status, post.response.headers.get("Allow")]).toEqual([405, "GET, HEAD"]);
});

test("any base path will do, that of the whole server too", async () => {
  expect((await load({ basePath: "/admin/tasks/" }, "/admin/tasks")).response.status).toBe(200);
  expect((await load({ basePath: "/" }, "/")).response.status).toBe(200);
});

test("where the API is stands in it as text", async () => {
  const { html } = await load({ apiPath: "/api/\"><script>&'" });
  expect(html).toContain('data-api="/api/%22%3E%3Cscript%3E&#38;\'"');
});

test("pages of these origins may frame it", async () => {
  const { policy } = await load({ frameAncestors: ["self", "https://admin.example.com"] });
  expect(policy).toContain("; frame-ancestors 'self' https://admin.example.com;");
});

test.each<[string, TaskPageOptions]>([
  ["basePath", { basePath: "tasks" }],
  ["apiPath", { apiPath: "https://api.example.com" }],
  ["frameAncestors", { frameAncestors: ["*"] }],
  ["frameAncestors", { frameAncestors: "self" as never }],
  ["basepath", { basepath: "/tasks" } as TaskPageOptions],
])("an option that cannot be used is refused by its name: %s", (name, options) => {
  expect(() => createTaskPage(options)).toThrow(
    expect.objectContaining({ code: "invalid_option", message: expect.stringContaining(name) }),
  );
});
