/**
 * Every problem that is returned in place of what was asked for, by its code, which stays what it is. What a client reads
 * is written here, so nothing from inside gets out.
 */
export const PROBLEMS = {
  invalid_query: { status: 400, detail: "The query cannot be used." },
  unknown_parameter: { status: 400, detail: "There is no such query parameter." },
  invalid_body: { status: 400, detail: "The body cannot be used." },
  invalid_header: { status: 400, detail: "A header cannot be used." },
  body_missing: { status: 400, detail: "The body did not arrive." },
  unauthenticated: { status: 401, detail: "Valid credentials are needed." },
  foreign_origin: {
    status: 403,
    detail:
      "A page from elsewhere must not do this. Origins that may are named by the server's `allowedOrigins`.",
  },
  not_found: { status: 404, detail: "There is nothing here, or it is not yours." },
  method_not_allowed: { status: 405, detail: "See the Allow header for what can be done here." },
  session_busy: { status: 409, detail: "The session has a task that has not ended." },
  body_too_large: { status: 413, detail: "The body is too large." },
  unsupported_media_type: { status: 415, detail: "The body must be application/json." },
  key_reused: { status: 422, detail: "Something else was asked for under this Idempotency-Key before." },
  too_many_waits: {
    status: 429,
    detail: "Too many requests of this user wait already.",
    retryAfter: 2,
  },
  too_many_streams: { status: 429, detail: "This user has too many streams open.", retryAfter: 5 },
  too_many_tasks: { status: 503, detail: "Too many tasks of this user wait already.", retryAfter: 5 },
  unavailable: { status: 503, detail: "This cannot be answered at the moment.", retryAfter: 2 },
} as const satisfies Record<string, Problem>;

export type ProblemCode = keyof typeof PROBLEMS;

export const PROBLEM_CODES = Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]];

export const TITLES = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  503: "Service Unavailable",
} as const;

export function problemOf(code: ProblemCode): Problem {
  return PROBLEMS[code];
}

interface Problem {
  status: keyof typeof TITLES;
  detail: string;
  /** In seconds, where asking again may help. */
  retryAfter?: number;
}
