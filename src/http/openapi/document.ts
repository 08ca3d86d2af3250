/** The description of the API in OpenAPI 3.1, made of the routes that a handler has. */

import { VERSION } from "../../core/version.ts";
import type { HandlerSettings } from "../options.ts";
import type { Route } from "../route.ts";
import { operationOf } from "./operation.ts";
import { componentsFor } from "./schemas.ts";

/** It is made when it is first asked for. */
export function openApiFor(routes: readonly Route[], settings: HandlerSettings): () => OpenApi {
  let made: OpenApi | undefined;
  return () => {
    made ??= openApiOf(routes, settings);
    return made;
  };
}

type OpenApi = Record<string, unknown>;

function openApiOf(routes: readonly Route[], settings: HandlerSettings): OpenApi {
  const paths = pathsOf(routes, settings);
  return {
    openapi: "3.1.1",
    info: INFO,
    servers: [{ url: "/", description: "Where this description comes from." }],
    security: [{ [SCHEME]: [] }],
    tags: [{ name: "tasks", description: "Tool calls that run in the background." }],
    paths,
    components: {
      securitySchemes: { [SCHEME]: securityScheme(settings.challenge) },
      schemas: componentsFor(paths),
    },
  };
}

const SCHEME = "credentials";

const INFO = {
  title: "Background tasks",
  version: VERSION,
  summary: "The tool calls of an agent that run in the background.",
  description:
    "Whatever can be read with GET can be asked for with HEAD. A method that a path does not have is refused with 405, " +
    "and `Allow` names those it has. Later versions may add properties, events, statuses and codes.",
  license: { name: "MIT", identifier: "MIT" },
};

function pathsOf(routes: readonly Route[], settings: HandlerSettings): Record<string, object> {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = (settings.basePath + route.path.replace(/:(\w+)/g, "{$1}")).replace(/(?<=.)\/$/, "");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, settings) };
  }
  return paths;
}

/** The handler knows no more of it than the challenge: who somebody is, the host finds out. */
function securityScheme(challenge: string | undefined): object {
  if (challenge !== undefined) return { type: "http", scheme: challenge.replace(/ .*/, "").toLowerCase() };
  const description = "What this site knows its users by: as a rule the cookie of their session.";
  return { type: "apiKey", in: "header", name: "Cookie", description };
}
