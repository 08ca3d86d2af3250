import { numbersIn } from "../values/options.ts";
import { CLOSE } from "./ending-options.ts";
import { LIMITS, MANAGER, RETENTION } from "./manager-options.ts";
import { DEFAULT_TIMEOUT_MS } from "./middleware-options.ts";
import { EVENT_QUERY, QUERY } from "./query-options.ts";
import { TASK } from "./task-options.ts";

/** The numbers that hold where nobody gives others. */
export const DEFAULTS = {
  timeoutMs: DEFAULT_TIMEOUT_MS,
  ...numbersIn(MANAGER),
  limits: numbersIn(LIMITS),
  retention: numbersIn(RETENTION),
  ...numbersIn(TASK),
  drainMs: CLOSE.drainMs.fallback,
  listLimit: QUERY.limit.fallback,
  eventLimit: EVENT_QUERY.limit.fallback,
} as const;
