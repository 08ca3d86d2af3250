import { PROBLEM_CODES, type ProblemCode } from "../problems.ts";
import type { Route } from "../route.ts";

/** The codes of the problems that a route may return: its own, and those of every route of its kind. */
export function problemsOf(route: Route): ProblemCode[] {
  const { method, path, query, headers, body, problems = [] } = route;
  const ofItsKind: Partial<Record<ProblemCode, boolean>> = {
    invalid_query: query !== undefined,
    unknown_parameter: true,
    unauthenticated: "run" in route,
    foreign_origin: method === "POST",
    not_found: path.includes("/:id"),
    invalid_header: headers !== undefined,
    invalid_body: body !== undefined,
    body_missing: body !== undefined,
    body_too_large: body !== undefined,
    unsupported_media_type: body !== undefined,
    unavailable: true,
  };
  return PROBLEM_CODES.filter((code) => ofItsKind[code] || problems.includes(code));
}
