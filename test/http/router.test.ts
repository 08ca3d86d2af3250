import { describe, expect, test } from "vitest";
import * as z from "zod";
import { Refusal } from "../../src/http/refusal.ts";
import { json, ownRoute, type Route } from "../../src/http/route.ts";
import { createRouter, routeFor } from "../../src/http/router.ts";

const router = createRouter(
  [routeOf("GET", "/"), routeOf("POST", "/"), routeOf("GET", "/tools"), routeOf("GET", "/:id")],
  "/tasks",
);

function routeOf(method: "GET" | "POST", path: string): Route {
  const answers = { 200: json("It.", z.object({})) };
  const run = async () => ({ status: 200 as const, body: {} });
  return ownRoute({ name: `${method} ${path}`, method, path, summary: "One.", answers, run });
}

function nameAt(path: string, method: string): string | undefined {
  const place = router(path);
  return place && routeFor(place.methods, method).name;
}

describe("of several methods at one path", () => {
  test.each([
    ["GET", "GET /"],
    ["HEAD", "GET /"],
    ["POST", "POST /"],
  ])("%s goes to %s", (method, name) => {
    expect(nameAt("/tasks", method)).toBe(name);
    expect(nameAt("/tasks/", method)).toBe(name);
  });

  test("all are named to whoever asks for another", () => {
    const refused = expect.objectContaining({ status: 405 });
    for (const method of ["DELETE", "get", "__proto__"]) {
      expect(() => nameAt("/tasks", method)).toThrow(refused);
    }
    try {
      nameAt("/tasks", "DELETE");
    } catch (error) {
      expect(error instanceof Refusal && error.headers.Allow).toBe("GET, HEAD, POST");
    }
  });
});

test("a name of its own goes before the id of a task", () => {
  expect(nameAt("/tasks/tools", "GET")).toBe("GET /tools");
  expect(nameAt("/tasks/toolset", "GET")).toBe("GET /:id");
  expect(router("/tasks/toolset")?.id).toBe("toolset");
});

test.each([["/"], ["/task"], ["/taskss"], ["/tasks/a/b"], ["/tasks/a.b"], ["/tasks/%41"]])(
  "there is nothing at %s",
  (path) => expect(router(path)).toBeUndefined(),
);
