// Made by scripts/make-client-shapes.ts from the schemas of the task handler: change those, and run it.
export const TASK = {
  id: "string",
  toolName: "string",
  toolCallId: "string",
  sessionId: "string|null",
  agentId: "string|null",
  summary: "string",
  status: "string",
  priority: "number",
  createdAt: "number",
  startedAt: "number|null",
  updatedAt: "number",
  completedAt: "number|null",
  deadlineAt: "number|null",
  progress: { "value?": "number", "total?": "number", "message?": "string", "null?": "any" },
  error: { code: "string", message: "string", "null?": "any" },
  cancel: { at: "number", by: "string", reason: "string|null", "null?": "any" },
  followUp: { status: "string", attempts: "number", reason: "string|null" },
  metadata: "object|null",
  lastSeq: "number",
  version: "number",
} as const;
export const TASK_PAGE = { tasks: [TASK], nextCursor: "string|null" } as const;
export const SNAPSHOT = { tasks: [TASK], more: "boolean" } as const;
export const RESULT = { status: "string" } as const;
export const EVENT = { taskId: "string", seq: "number", at: "number", type: "string" } as const;
export const EVENT_PAGE = { events: [EVENT], nextAfter: "number", truncated: "boolean" } as const;
export const TOOLS = {
  tools: [{ name: "string", description: "string", inputSchema: "object", maxPriority: "number" }],
} as const;
