import { TaskOffloadError } from "../core/errors.ts";
import { faultOfScope } from "../core/model/call.ts";
import { discardBody, letAnswer } from "./body.ts";
import { nothingAt, warnOnce } from "./host-faults.ts";
import { type HandlerSettings, handlerSettings, type TaskHandlerOptions } from "./options.ts";
import { Pages } from "./pages.ts";
import { Refusal } from "./refusal.ts";
import { checkOrigin } from "./request.ts";
import { type Answer, toConditionalResponse, toResponse } from "./response.ts";
import { createRoutes, type OwnRoute, type Route, type Visit } from "./routes.ts";
import { Waits } from "./waits.ts";

/**
 * The query API over HTTP: a function from a web `Request` to a `Response`, to be mounted in any server.
 *
 * | route              |                                                                                 |
 * | ------------------ | ------------------------------------------------------------------------------- |
 * | `GET /`            | the tasks, newest first; `sessionId`, `status`, `limit`, `cursor`               |
 * | `GET /health`      | 200 `ok` or 503 `closing`, for anybody                                          |
 * | `GET /:id`         | one task                                                                        |
 * | `GET /:id/result`  | 200 with how it ended, 202 with the task until then; `waitMs`, `offset`, `limit` |
 * | `GET /:id/events`  | its log; `after`, `limit`                                                       |
 * | `POST /:id/cancel` | asks it to stop; only with `allowCancel`                                        |
 *
 * It never rejects. Errors are problem details (RFC 9457), and a task that is foreign reads like one that is
 * missing. A 200 to a GET has a weak `ETag`; `If-None-Match` makes it a 304. In Express, mount it before
 * anything that reads bodies.
 *
 * @throws `invalid_option`, naming the option and its value
 * @example
 * ```ts
 * import { BackgroundTaskManager } from "tool-offload";
 * import { createTaskHandler } from "tool-offload/http";
 *
 * const handle = createTaskHandler({
 *   tasks: new BackgroundTaskManager(),
 *   authenticate: (request) => (request.headers.get("Authorization") === "Bearer s3cret" ? { userId: "ada" } : null),
 * });
 * const headers = { Authorization: "Bearer s3cret" };
 * const response = await handle(new Request("http://localhost/background-tasks", { headers }));
 * console.log(await response.json()); // { tasks: [], nextCursor: null }
 * ```
 */
export function createTaskHandler(options: TaskHandlerOptions): (request: Request) => Promise<Response> {
  const settings = handlerSettings(options);
  const find = createRoutes(settings.basePath, settings.allowCancel);
  const parts = { ...settings, find, pages: new Pages(), waits: new Waits(settings.waitsPerUser) };
  const onError = settings.onError ?? warnOnce();
  return async (request) => {
    const response = await respond(request, parts).catch((error) =>
      toResponse(refusalOf(error, request, onError)),
    );
    if (request.method === "POST") attempt(() => letAnswer(request));
    if (request.method !== "GET") attempt(() => discardBody(request));
    return request.method === "HEAD" ? new Response(null, response) : response;
  };
}

type OnError = NonNullable<TaskHandlerOptions["onError"]>;

interface Parts extends HandlerSettings {
  find: ReturnType<typeof createRoutes>;
  pages: Pages;
  waits: Waits;
}

async function respond(request: Request, parts: Parts): Promise<Response> {
  const url = new URL(request.url);
  const found = parts.find(url.pathname);
  if (found === undefined) throw nothingAt(url.pathname, parts.basePath);
  const { route, id } = found;
  checkMethod(route, request.method);
  if (route.method === "POST") checkOrigin(request, url.origin, parts.allowedOrigins);
  const { tasks, pages, waits } = parts;
  const visit = { tasks, pages, waits, id, url, request };
  const answer = await ("open" in route ? route.open(visit) : answerOwn(route, visit, parts));
  if (route.method === "POST" || answer.status !== 200) return toResponse(answer);
  return toConditionalResponse(answer, request);
}

function checkMethod(route: Route, method: string): void {
  const allowed = route.method === "GET" ? ["GET", "HEAD"] : ["POST"];
  if (!allowed.includes(method)) throw new Refusal(405, { headers: { Allow: allowed.join(", ") } });
}

/** A scope that is not sound is a mistake of the host, never access. */
async function answerOwn(route: OwnRoute, visit: Visit, { authenticate, challenge }: Parts): Promise<Answer> {
  const scope = await authenticate(visit.request);
  if (scope === null || scope === undefined) throw unauthorized(challenge);
  const fault = faultOfScope(scope);
  if (fault === undefined) return route.answer(visit, scope);
  throw new TaskOffloadError("invalid_input", `authenticate must answer a scope, or null: ${fault.message}`);
}

function unauthorized(challenge: string | undefined): Refusal {
  return new Refusal(401, challenge === undefined ? {} : { headers: { "WWW-Authenticate": challenge } });
}

function refusalOf(error: unknown, request: Request, onError: OnError): Refusal {
  if (error instanceof Refusal) return error;
  attempt(() => onError(error, request));
  return new Refusal(503);
}

/** Does what may fail, now or later, without harm. */
function attempt(run: () => unknown): void {
  new Promise((resolve) => resolve(run())).catch(() => undefined);
}
