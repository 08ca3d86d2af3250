import { type ConnectionState, TaskClientError } from "../client/index.ts";

/** How news come: `idle` while nothing is asked for, `signed_out` and `error` when none come any more. */
export type FollowStatus = "idle" | "loading" | ConnectionState | "signed_out" | "error";

/** What a loop that has ended says of it. */
export function ended(error: unknown): { status: FollowStatus; error: Error } {
  const isSignedOut = error instanceof TaskClientError && error.code === "signed_out";
  return {
    status: isSignedOut ? "signed_out" : "error",
    error: error instanceof Error ? error : new Error(String(error)),
  };
}
