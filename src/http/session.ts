import type { TaskScope } from "../core/model/task.ts";

/** A scope within a session; undefined where it does not reach there. */
export function narrowed(scope: TaskScope, sessionId = scope.sessionId): TaskScope | undefined {
  const isOutside = scope.sessionId !== undefined && sessionId !== scope.sessionId;
  return isOutside ? undefined : { ...scope, sessionId };
}
