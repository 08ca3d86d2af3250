import { addRoute, createRouter as createTree, findRoute } from "rou3";
import { taskPathSchema } from "./protocol.ts";
import { Refusal } from "./refusal.ts";
import type { Route } from "./route.ts";

/** What there is at a path, and the id in it. */
export interface Place {
  methods: Methods;
  id: string;
}

/** Finds what there is at a path; undefined where there is nothing. */
export type Router = (pathname: string) => Place | undefined;

export function createRouter(routes: readonly Route[], basePath: string): Router {
  const tree = createTree<Methods>();
  for (const [path, methods] of byPath(routes)) addRoute(tree, "", path, methods);
  return (pathname) => {
    if (!isUnder(basePath, pathname)) return undefined;
    const found = findRoute(tree, "", pathname.slice(basePath.length));
    if (found?.params === undefined) return found && { methods: found.data, id: "" };
    const path = taskPathSchema.safeParse(found.params);
    return path.success ? { methods: found.data, id: path.data.id } : undefined;
  };
}

/** The route for a method; a HEAD is a GET. @throws a `Refusal` that names what there is instead */
export function routeFor(methods: Methods, method: string): Route {
  const route = methods.get(method === "HEAD" ? "GET" : method);
  if (route !== undefined) return route;
  const allowed = [...methods.keys()].flatMap((own) => (own === "GET" ? ["GET", "HEAD"] : [own]));
  throw new Refusal("method_not_allowed", { headers: { Allow: allowed.join(", ") } });
}

/** Whether a path is the handler's to answer. */
export function isUnder(basePath: string, pathname: string): boolean {
  return pathname === basePath || pathname.startsWith(`${basePath}/`);
}

type Methods = ReadonlyMap<string, Route>;

function byPath(routes: readonly Route[]): Map<string, Map<string, Route>> {
  const paths = new Map<string, Map<string, Route>>();
  for (const route of routes) {
    const methods = paths.get(route.path) ?? new Map<string, Route>();
    paths.set(route.path, methods.set(route.method, route));
  }
  return paths;
}
