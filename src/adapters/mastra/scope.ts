import type { TaskScope } from "../../core/model/task.ts";
import { scopeFor, sessionScope, soundScope } from "../shared/options.ts";
import type { AgentContextLike, ToolContextLike } from "./like.ts";
import type { ScopeOption } from "./options.ts";

/** The scope of a run. @throws `invalid_option` where nothing says whose it is */
export function scopeOf(option: ScopeOption | undefined, run: ToolContextLike): TaskScope {
  if (option !== undefined) return scopeFor(option, run);
  const { resourceId, threadId } = memoryOf(run);
  return soundScope({ userId: resourceId as string, sessionId: threadId }, HINT);
}

/**
 * The same for what shows a model its tasks: it must not see more of a user's because a run has no thread.
 *
 * @throws `invalid_option`
 */
export function threadScopeOf(option: ScopeOption | undefined, run: ToolContextLike): TaskScope {
  const scope = scopeOf(option, run);
  return option === undefined ? sessionScope(scope, HINT) : scope;
}

/** Mastra tells its own tools, and keeps it for everything else in the request context. */
export function memoryOf({
  agent,
  requestContext,
}: ToolContextLike): Pick<AgentContextLike, "resourceId" | "threadId"> {
  if (agent?.resourceId) return { resourceId: agent.resourceId, threadId: agent.threadId || undefined };
  const kept = requestContext?.get("MastraMemory") as
    | { resourceId?: string; thread?: { id?: string } }
    | undefined;
  return { resourceId: kept?.resourceId || undefined, threadId: kept?.thread?.id || undefined };
}

const HINT = "Run the agent with memory: { resource, thread }, or give the option scope.";
