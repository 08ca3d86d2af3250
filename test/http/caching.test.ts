import { afterAll, beforeAll, expect, test } from "vitest";
import { completed, end, type Lab, running, startLab } from "./lab.ts";

const ada = { userId: "ada" };
let lab: Lab;
let path: string;

beforeAll(async () => {
  lab = await startLab();
  path = `/${(await completed(lab.tasks, ada, 1)).id}`;
});
afterAll(() => lab.close());

async function ask(path: string, ifNoneMatch?: string, method = "GET") {
  const headers: Record<string, string> = ifNoneMatch === undefined ? {} : { "If-None-Match": ifNoneMatch };
  const response = await lab.as("ada", path, { method, headers });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

test("every 200 to a GET has a weak tag, and knows it again", async () => {
  for (const at of ["", path, `${path}/result`, `${path}/events`, "/health"]) {
    const first = await ask(at);
    const etag = first.headers.get("ETag") ?? "";
    expect(etag).toMatch(/^W\/"[\w+/]{20}"$/);
    for (const method of ["GET", "HEAD"]) {
      const second = await ask(at, etag, method);
      expect([second.status, second.text]).toEqual([304, ""]);
      expect(second.headers.get("Content-Type")).toBeNull();
      for (const name of ["ETag", "Cache-Control", "Vary"]) {
        expect(second.headers.get(name)).toBe(first.headers.get(name));
      }
    }
  }
});

test("a tag matches in a list, without its prefix, and as anything", async () => {
  const etag = (await ask(path)).headers.get("ETag") ?? "";
  const strong = etag.slice(2);
  const matching = [strong, `"x", ${etag}`, `W/"a,b",${strong} , "y"`, "*", " * ", `${etag},`];
  for (const tags of matching) expect((await ask(path, tags)).status).toBe(304);
  const others = ['"x"', strong.slice(1, -1), '"a,*,b"', `${etag}x`, `w/${strong}`, "", "W/", `"${strong}"`];
  for (const tags of others) expect((await ask(path, tags)).status).toBe(200);
});

test("only a 200 is conditional", async () => {
  const { task } = await running(lab.tasks, ada);
  expect((await ask(`/${task.id}/result`, "*")).status).toBe(202);
  expect((await ask("/missing", "*")).status).toBe(404);
  expect((await ask("?limit=x", "*")).status).toBe(400);
  expect((await ask("/missing")).headers.get("ETag")).toBeNull();
});

test("what changes gets another tag", async () => {
  const { task, finish } = await running(lab.tasks, ada);
  const before = (await ask(`/${task.id}`)).headers.get("ETag") ?? "";
  finish(1);
  await end(lab.tasks, ada, task.id);
  const after = await ask(`/${task.id}`, before);
  expect(after.status).toBe(200);
  expect(after.headers.get("ETag")).not.toBe(before);
});
