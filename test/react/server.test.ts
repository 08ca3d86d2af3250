// @vitest-environment happy-dom
import { act, cleanup } from "@testing-library/react";
import { createElement } from "react";
import { hydrateRoot } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, expect, test, vi } from "vitest";
import { createTaskClient } from "../../src/client/index.ts";
import { TaskClientProvider, useBackgroundTask, useBackgroundTasks } from "../../src/react/index.ts";

afterEach(cleanup);

function Shown() {
  const { tasks, status } = useBackgroundTasks();
  const one = useBackgroundTask("some");
  const none = useBackgroundTask(undefined);
  return createElement("p", null, `${tasks.length} ${status} ${one.status} ${none.status}`);
}

test("a server renders what loads, asks for nothing, and a browser takes over what it finds", async () => {
  const fetch = vi.fn(() => new Promise<never>(() => undefined));
  const client = createTaskClient({
    baseUrl: "http://localhost/background-tasks",
    fetch,
    whenHidden: "keep",
  });
  const app = createElement(TaskClientProvider, { client }, createElement(Shown));
  const html = renderToString(app);
  expect(html).toBe("<p>0 loading loading idle</p>");
  expect(fetch).not.toHaveBeenCalled();

  const complain = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const { document } = globalThis as unknown as {
    document: { createElement(name: string): Element & { innerHTML: string } };
  };
  const container = document.createElement("div");
  container.innerHTML = html;
  const root = await act(async () => hydrateRoot(container as never, app));
  expect(container.innerHTML).toBe(html);
  expect(complain).not.toHaveBeenCalled();
  await act(async () => root.unmount());
  complain.mockRestore();
});
