export { createTaskHandler } from "./handler.ts";
export type { TaskHandlerOptions, TaskSource } from "./options.ts";
export {
  type CancelBody,
  cancelBodySchema,
  type EventPage,
  type EventsQuery,
  eventPageSchema,
  eventsQuerySchema,
  type Health,
  healthSchema,
  type ListQuery,
  listQuerySchema,
  type PendingTask,
  type Problem,
  pendingTaskSchema,
  problemSchema,
  type ResultQuery,
  resultQuerySchema,
  type TaskPage,
  type TaskPath,
  taskPageSchema,
  taskPathSchema,
} from "./protocol.ts";
export {
  type TaskEvent,
  type TaskInfo,
  type TaskResult,
  type TaskStatus,
  taskEventSchema,
  taskInfoSchema,
  taskResultSchema,
  taskStatusSchema,
} from "./task-schemas.ts";
