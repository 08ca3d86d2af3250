import { documentFor, policyFor } from "./document.ts";
import { pageSettings, type TaskPageOptions } from "./options.ts";

/**
 * A page that shows a user's tasks as they run: a function from a web `Request` to a `Response`, to be mounted beside the
 * task handler, on the same origin. The document holds no data, and asks the handler as whoever looks at it: with a cookie,
 * or with HTTP's own Basic authentication.
 *
 * @throws `invalid_option`, naming the option and its value
 * @example
 * ```ts
 * import { createTaskPage } from "tool-offload/dashboard";
 *
 * const page = createTaskPage({ basePath: "/tasks", apiPath: "/background-tasks" });
 * const response = await page(new Request("http://localhost/tasks"));
 * console.log(response.status, response.headers.get("Content-Type")); // 200 text/html; charset=utf-8
 * ```
 */
export function createTaskPage(options: TaskPageOptions = {}): (request: Request) => Promise<Response> {
  const settings = pageSettings(options);
  const html = documentFor(settings);
  const headers = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": policyFor(settings),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    // It is made anew with each version, and asks for its data itself.
    "Cache-Control": "no-cache",
  };
  return async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname.replace(/\/$/, "") !== settings.basePath) return new Response("Not found", { status: 404 });
    if (request.method === "GET") return new Response(html, { headers });
    if (request.method === "HEAD") return new Response(null, { headers });
    return new Response("Method not allowed", { status: 405, headers: { Allow: "GET, HEAD" } });
  };
}
