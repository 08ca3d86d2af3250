import type { TaskScope } from "../../../src/index.ts";

export const USERS = 10;
/** The lease of a session. */
export const LEASE_MS = 2_000;

/** Fifty of them. */
export const SESSIONS: readonly TaskScope[] = Array.from({ length: 5 * USERS }, (_, n) => ({
  userId: `u${n % USERS}`,
  sessionId: `s${Math.floor(n / USERS)}`,
}));

export function sessionText({ userId, sessionId }: TaskScope): string {
  return `${userId}/${sessionId}`;
}
