import type { TaskScope } from "../../core/model/task.ts";
import { type ControlTools, type ControlToolsOptions, controlTools } from "../../tools/control-tools.ts";
import type { ControlTool } from "../../tools/definition.ts";

/** A control tool whose scope only a run tells. */
export interface ScopedTool<Run> extends Pick<ControlTool, "name" | "description" | "inputSchema"> {
  toolFor(run: Run): ControlTool;
}

/**
 * The control tools before their scope is known.
 *
 * @param scope the adapter's option, of which `scopeOf` makes the scope of a run
 * @throws `invalid_option`, naming the option and its value
 */
export function scopedTools<Option, Run>(
  options: Omit<ControlToolsOptions, "scope">,
  scope: Option,
  scopeOf: (scope: Option, run: Run) => TaskScope,
): ScopedTool<Run>[] {
  const own = typeof scope === "object" ? ownScope(scope as TaskScope) : scope;
  const tools: ControlTool[] = Object.values(controlTools({ ...options, scope: NOBODY }));
  return tools.map(({ name, description, inputSchema }) => ({
    name,
    description,
    inputSchema,
    toolFor(run) {
      const scoped = controlTools({ ...options, scope: scopeOf(own as Option, run) });
      return scoped[name as keyof ControlTools] as ControlTool;
    },
  }));
}

/** What the control tools are called and take is the same for everybody. */
const NOBODY = { userId: "nobody" };

/** What the host does with its scope later must not widen what the model sees. */
function ownScope(scope: TaskScope): TaskScope {
  const { userId, sessionId, agentId } = scope;
  return "sessionId" in scope ? { userId, sessionId, agentId } : { userId, agentId };
}
