import { type ProblemCode, problemOf, TITLES } from "./problems.ts";
import type { Problem } from "./protocol.ts";

/** Thrown by whatever finds that a request is not to be answered; it says what is returned instead. */
export class Refusal {
  readonly status: number;
  readonly body: Problem;
  readonly headers: Record<string, string>;

  constructor(code: ProblemCode, more: RefusalDetails = {}) {
    const { status, detail, retryAfter } = problemOf(code);
    const { headers, ...fields } = more;
    this.status = status;
    this.body = { type: "about:blank", code, title: TITLES[status], status, detail, ...fields };
    this.headers = { "Content-Type": "application/problem+json", ...retryIn(retryAfter), ...headers };
  }
}

interface RefusalDetails {
  field?: string;
  detail?: string;
  headers?: Record<string, string>;
}

function retryIn(seconds: number | undefined): Record<string, string> {
  return seconds === undefined ? {} : { "Retry-After": String(seconds) };
}
