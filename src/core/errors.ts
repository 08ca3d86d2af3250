/** Why an operation of this library was refused or failed. */
export type TaskOffloadErrorCode =
  | "invalid_option"
  | "invalid_input"
  | "overloaded"
  | "busy"
  | "conflict"
  | "duplicate"
  | "key_reused"
  | "closed"
  | "deadline_exceeded"
  | "store_failed"
  | "missing_peer"
  | "not_supported";

/**
 * The only error this library throws on its own account; what a tool throws comes through untouched.
 *
 * @example
 * ```ts
 * import { TaskOffloadError } from "tool-offload";
 *
 * const error: unknown = new TaskOffloadError("closed", "The manager is closed.");
 * if (TaskOffloadError.isInstance(error)) console.log(error.code); // "closed"
 * ```
 */
export class TaskOffloadError extends Error {
  override readonly name = "TaskOffloadError";
  readonly code: TaskOffloadErrorCode;

  constructor(code: TaskOffloadErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** True for an error of this library, also where two copies of it are installed. Never throws. */
  static isInstance(value: unknown): value is TaskOffloadError {
    try {
      return value instanceof Error && BRAND in value;
    } catch {
      return false;
    }
  }
}

/** What a call gets, and its tool is told, when the manager is closed. */
export function closedError(): TaskOffloadError {
  return new TaskOffloadError("closed", "The manager is closed. It takes no more calls: make another one.");
}

const BRAND = Symbol.for("tool-offload.error");
