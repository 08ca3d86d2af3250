import { TaskOffloadError } from "../core/errors.ts";
import { faultOfScope } from "../core/model/call.ts";
import { discardBody, letAnswer } from "./body.ts";
import { checkRequest, nothingAt, warnOnce } from "./host-faults.ts";
import { openApiFor } from "./openapi/document.ts";
import { handlerSettings, type TaskHandlerOptions } from "./options.ts";
import { Pages } from "./pages.ts";
import { Refusal } from "./refusal.ts";
import { checkOrigin, readHeaders, readJson, readQuery } from "./request.ts";
import {
  type Answer,
  type StreamAnswer,
  toConditionalResponse,
  toResponse,
  toStreamResponse,
} from "./response.ts";
import { noQuerySchema, type OwnRoute, type Parts, type Route, type Visit } from "./route.ts";
import { createRouter, type Place, type Router, routeFor } from "./router.ts";
import { missingRoutes, offeredRoutes } from "./routes.ts";
import { TaskFeeds } from "./streams/task-feeds.ts";
import { creatableTools } from "./tools.ts";
import { Waits } from "./waits.ts";

/**
 * The query API over HTTP: a function from a web `Request` to a `Response`, to be mounted in any server.
 *
 * | route               |                                                                                  |
 * | ------------------- | -------------------------------------------------------------------------------- |
 * | `GET /`             | the tasks, newest first; `sessionId`, `status`, `limit`, `cursor`, `waitMs`      |
 * | `POST /`            | creates one; `tool`, `input`, `sessionId`, …; only of `tools`                     |
 * | `GET /tools`        | what may be created, with JSON Schemas; only with `tools`                        |
 * | `GET /health`       | 200 `ok` or 503 `closing`, for anybody                                           |
 * | `GET /openapi.json` | what this handler has, in OpenAPI 3.1                                            |
 * | `GET /stream`       | the tasks as they are, as server-sent events; `sessionId`                        |
 * | `GET /:id`          | one task                                                                         |
 * | `GET /:id/result`   | 200 with how it ended, 202 with the task until then; `waitMs`, `offset`, `limit` |
 * | `GET /:id/events`   | its log; `after`, `limit`, `waitMs`. As server-sent events for who accepts them  |
 * | `POST /:id/cancel`  | asks it to stop; only with `allowCancel`                                         |
 *
 * It never rejects. Errors are problem details (RFC 9457) with a stable `code`, and a task that is foreign reads like
 * one that is missing. A 200 to a GET has a weak `ETag`; `If-None-Match` makes it a 304. In Express, mount it before
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
export function createTaskHandler<Inputs>(
  options: TaskHandlerOptions<Inputs>,
): (request: Request) => Promise<Response> {
  const settings = handlerSettings(options);
  const routes = offeredRoutes(settings);
  const router = createRouter(routes, settings.basePath);
  const missing = createRouter(missingRoutes(settings), settings.basePath);
  const onError = settings.onError ?? warnOnce();
  const parts: Parts = {
    ...settings,
    pages: new Pages(),
    creatable: creatableTools(settings.tools),
    waits: new Waits(settings.waitsPerUser),
    openStreams: new Waits(settings.streams === false ? 0 : settings.streams.perUser),
    feeds: new TaskFeeds(settings.tasks),
    openApi: openApiFor(routes, settings),
    onError: (error: unknown, request: Request) => attempt(() => onError(error, request)),
  };
  return async (request) => {
    const response = await respond(request, router, missing, parts).catch((error) =>
      toResponse(refusalOf(error, request, parts.onError)),
    );
    if (request.method === "POST") attempt(() => letAnswer(request));
    if (request.method !== "GET") attempt(() => discardBody(request));
    return request.method === "HEAD" ? new Response(null, response) : response;
  };
}

async function respond(request: Request, router: Router, missing: Router, parts: Parts): Promise<Response> {
  checkRequest(request);
  const url = new URL(request.url);
  const place = placeAt(url.pathname, router, missing);
  if (place === undefined) throw nothingAt(url.pathname, parts.basePath, missing);
  const route = routeFor(place.methods, request.method);
  if (route.method === "POST") checkOrigin(request, url.origin, parts.allowedOrigins);
  const visitor = { ...parts, request, url, id: place.id };
  const answer = await ("open" in route ? route.open(await read(route, visitor)) : answerOwn(route, visitor));
  if ("stream" in answer) return toStreamResponse(answer);
  if (route.method === "POST" || answer.status !== 200) return toResponse(answer);
  return toConditionalResponse(answer, request);
}

/** What there is at a path. Where there are no streams, `/stream` is no task of that name. */
function placeAt(pathname: string, router: Router, missing: Router): Place | undefined {
  const place = router(pathname);
  return place?.id !== "" && missing(pathname)?.id === "" ? undefined : place;
}

/** A request of which neither query, headers nor body have been read. */
type Visitor = Omit<Visit, "query" | "headers" | "body">;

async function read({ query, headers, body, maxBodyBytes }: Route, visitor: Visitor): Promise<Visit> {
  const { request, url } = visitor;
  return {
    ...visitor,
    query: readQuery(query ?? noQuerySchema, url),
    headers: headers && readHeaders(headers, request),
    body: body && (await readJson(body, request, maxBodyBytes)),
  };
}

/** A scope that is not sound is a mistake of the host, never access. */
async function answerOwn(route: OwnRoute, visitor: Visitor): Promise<Answer | StreamAnswer> {
  const scope = await visitor.authenticate(visitor.request);
  if (scope === null || scope === undefined) throw unauthorized(visitor.challenge);
  const fault = faultOfScope(scope);
  if (fault === undefined) return route.run(await read(route, visitor), scope);
  throw new TaskOffloadError("invalid_input", `authenticate must answer a scope, or null: ${fault.message}`);
}

function unauthorized(challenge: string | undefined): Refusal {
  return new Refusal(
    "unauthenticated",
    challenge === undefined ? {} : { headers: { "WWW-Authenticate": challenge } },
  );
}

function refusalOf(error: unknown, request: Request, onError: Parts["onError"]): Refusal {
  if (error instanceof Refusal) return error;
  onError(error, request);
  return new Refusal("unavailable");
}

/** Does what may fail, now or later, without harm. */
function attempt(run: () => unknown): void {
  new Promise((resolve) => resolve(run())).catch(() => undefined);
}
