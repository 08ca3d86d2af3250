/** What a user may create tasks of. */

import type { TaskScope } from "../../core/model/task.ts";
import type { ToolList } from "../protocol.ts";
import { type Answer, ok } from "../response.ts";
import type { Visit } from "../route.ts";
import { type CreatableTool, isAllowed } from "../tools.ts";

export async function listTools({ creatable }: Visit, scope: TaskScope): Promise<Answer<ToolList, 200>> {
  const all = [...creatable.values()];
  const allowed = await Promise.all(all.map((tool) => isAllowed(tool, scope)));
  return ok({ tools: all.filter((_, index) => allowed[index]).map(listed) });
}

function listed({ name, description, inputSchema, maxPriority }: CreatableTool): ToolList["tools"][number] {
  return { name, description, inputSchema, maxPriority };
}
