export type { TaskEvent } from "../core/model/events.ts";
export type { EventPage } from "../core/model/store.ts";
export type { TaskInfo, TaskResult, TaskStatus } from "../core/model/task.ts";
export type { TaskPage } from "../core/reading/queries.ts";
export { createTaskHandler } from "./handler.ts";
export type { StreamOptions, TaskHandlerOptions, TaskSource } from "./options.ts";
export type { ProblemCode } from "./problems.ts";
export {
  type CancelBody,
  type CreateBody,
  cancelBodySchema,
  createBodySchema,
  type EventsQuery,
  eventPageSchema,
  eventsQuerySchema,
  type Health,
  healthSchema,
  listQuerySchema,
  openApiSchema,
  type PendingTask,
  type Problem,
  pendingTaskSchema,
  problemSchema,
  type ResultQuery,
  resultQuerySchema,
  type StreamQuery,
  streamQuerySchema,
  type TaskListQuery,
  type TaskPath,
  type TaskSnapshot,
  type ToolList,
  taskPageSchema,
  taskPathSchema,
  taskSnapshotSchema,
  toolListSchema,
} from "./protocol.ts";
export type { StandardSchemaLike } from "./standard-schema.ts";
export {
  taskEventSchema,
  taskInfoSchema,
  taskResultSchema,
  taskStatusSchema,
} from "./task-schemas.ts";
export type { TaskTool, TaskTools } from "./tools.ts";
