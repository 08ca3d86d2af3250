/** Why a call of the client failed. */
export type TaskClientErrorCode =
  | "invalid_option"
  /** 401: nobody is signed in, or not any more. */
  | "signed_out"
  /** 404: missing, or somebody else's. */
  | "not_found"
  /** The server refuses this request, and says why. */
  | "refused"
  /** The server is busy or closing; nothing is wrong with the request. */
  | "unavailable"
  /** No response came. */
  | "unreachable"
  /** The response is not one that this client understands. */
  | "protocol";

/** What is known of a failure beside its message. */
export interface TaskClientFailure {
  /** The HTTP status; 0 where no response came. @default 0 */
  status?: number | undefined;
  /** The server's own code for it. */
  problem?: string | undefined;
  /** What is wrong with the request: a query parameter, or a property of the body. */
  field?: string | undefined;
  /** Milliseconds after which the server asks to be tried again. */
  retryAfterMs?: number | undefined;
  cause?: unknown;
}

/** What calls of the client reject with, unless their signal is aborted. */
export class TaskClientError extends Error {
  override readonly name = "TaskClientError";
  readonly code: TaskClientErrorCode;
  declare readonly status: number;
  declare readonly problem: string | undefined;
  declare readonly field: string | undefined;
  declare readonly retryAfterMs: number | undefined;

  constructor(code: TaskClientErrorCode, message: string, failure: TaskClientFailure = {}) {
    super(message);
    this.code = code;
    Object.assign(this, { status: 0 }, failure);
  }
}

/** Whether the same request may fare better later. */
export function mayPass(error: unknown): error is TaskClientError {
  return error instanceof TaskClientError && (error.code === "unavailable" || error.code === "unreachable");
}
