import type { TaskScope } from "../../core/model/task.ts";
import { scopeFor, sessionScope, soundScope } from "../shared/options.ts";
import type { RuntimeLike } from "./like.ts";
import type { ScopeOption } from "./options.ts";

/** The scope of a run. @throws `invalid_option` where nothing says whose it is */
export function scopeOf(option: ScopeOption | undefined, run: RuntimeLike): TaskScope {
  const scope = option === undefined ? soundScope(userOf(run), HINT) : scopeFor(option, run);
  const thread = run.configurable?.thread_id;
  return thread === undefined ? scope : soundScope({ sessionId: String(thread), ...scope });
}

/**
 * The same for what shows a model its tasks: it must not see more of a user's because a run has no thread.
 *
 * @throws `invalid_option`
 */
export function threadScopeOf(option: ScopeOption | undefined, run: RuntimeLike): TaskScope {
  const scope = scopeOf(option, run);
  return option === undefined ? sessionScope(scope, THREAD_HINT) : scope;
}

const HINT = "Give the run context.userId or configurable.user_id, or give the option scope.";
const THREAD_HINT = "Give the run configurable.thread_id, or give the option scope.";

function userOf({ context, configurable }: RuntimeLike): TaskScope {
  const { userId } = (context ?? {}) as { userId?: unknown };
  return { userId: (userId ?? configurable?.user_id) as string };
}
