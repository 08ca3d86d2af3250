import type { Problem } from "./protocol.ts";

/** Thrown by whatever finds that a request is not to be answered; it says what is answered instead. */
export class Refusal {
  readonly status: number;
  readonly body: Problem;
  readonly headers: Record<string, string>;

  constructor(status: keyof typeof KINDS, more: RefusalDetails = {}) {
    const { title, detail, headers }: Kind = KINDS[status];
    const { headers: own, ...fields } = more;
    this.status = status;
    this.body = { type: "about:blank", title, status, detail, ...fields };
    this.headers = { "Content-Type": "application/problem+json", ...headers, ...own };
  }
}

interface RefusalDetails {
  field?: string;
  detail?: string;
  headers?: Record<string, string>;
}

interface Kind {
  title: string;
  detail: string;
  headers?: Record<string, string>;
}

/** Every answer from 400 on. What a client reads is written here, so nothing from inside gets out. */
const KINDS = {
  400: { title: "Bad Request", detail: "The request is malformed." },
  401: { title: "Unauthorized", detail: "Valid credentials are needed." },
  403: { title: "Forbidden", detail: "A page from elsewhere must not do this." },
  404: { title: "Not Found", detail: "There is nothing here, or it is not yours." },
  405: { title: "Method Not Allowed", detail: "See the Allow header for what can be done here." },
  413: { title: "Content Too Large", detail: "The body must have at most 16384 bytes." },
  415: { title: "Unsupported Media Type", detail: "The body must be application/json." },
  429: {
    title: "Too Many Requests",
    detail: "Too many requests of this user wait for results already.",
    headers: { "Retry-After": "2" },
  },
  503: {
    title: "Service Unavailable",
    detail: "This cannot be answered at the moment.",
    headers: { "Retry-After": "2" },
  },
} as const satisfies Record<number, Kind>;
