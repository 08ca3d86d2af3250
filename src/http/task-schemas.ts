import * as z from "zod";
import { TASK_STATUSES } from "../core/model/task.ts";
import { named } from "./named-schemas.ts";

export const taskStatusSchema = z.enum(TASK_STATUSES).register(named, { id: "TaskStatus" });

const cancelledBySchema = z.enum(["user", "model", "host", "turn"]);

const taskErrorSchema = z
  .object({
    code: z.enum(["tool_error", "deadline_exceeded", "lost", "shutdown", "input_invalid", "tool_unknown"]),
    message: z.string(),
  })
  .register(named, { id: "TaskError" });

const taskProgressSchema = z
  .object({
    value: z.number().optional(),
    total: z.number().optional(),
    message: z.string().optional(),
  })
  .register(named, { id: "TaskProgress" });

/** A task as everybody sees it. Instants are epoch milliseconds. */
export const taskInfoSchema = z
  .object({
    id: z.string(),
    toolName: z.string(),
    toolCallId: z.string(),
    sessionId: z.string().nullable(),
    agentId: z.string().nullable(),
    summary: z.string(),
    status: taskStatusSchema,
    priority: z.number(),
    createdAt: z.number(),
    startedAt: z.number().nullable(),
    updatedAt: z.number(),
    completedAt: z.number().nullable(),
    deadlineAt: z.number().nullable(),
    progress: taskProgressSchema.nullable(),
    error: taskErrorSchema.nullable(),
    cancel: z.object({ at: z.number(), by: cancelledBySchema, reason: z.string().nullable() }).nullable(),
    followUp: z.object({
      status: z.enum(["none", "pending", "claimed", "delivered", "dropped"]),
      attempts: z.number(),
      reason: z.string().nullable(),
    }),
    metadata: z.record(z.string(), z.unknown()).nullable(),
    lastSeq: z.number(),
    version: z.number(),
  })
  .register(named, { id: "Task" });

const completed = { status: z.literal("completed"), lossy: z.array(z.string()) };
const cancelled = { by: cancelledBySchema, reason: z.string().nullable() };

/** How a task ended. With `offset` or `limit`, `value` is that slice of the kept text. */
export const taskResultSchema = z
  .union([
    z.object({ ...completed, value: z.unknown(), truncated: z.null() }),
    z.object({
      ...completed,
      value: z.object({ head: z.string(), tail: z.string() }),
      truncated: z.object({ bytes: z.number(), atLeast: z.literal(true).optional() }),
    }),
    z.object({ status: z.literal("failed"), error: taskErrorSchema }),
    z.object({ status: z.literal("cancelled"), ...cancelled }),
  ])
  .register(named, { id: "TaskResult" });

const logged = { taskId: z.string(), seq: z.number(), at: z.number() };

/** What happened to a task. `seq` counts from 1 without gaps. */
export const taskEventSchema = z
  .discriminatedUnion("type", [
    z.object({ ...logged, type: z.literal("task.queued") }),
    z.object({ ...logged, type: z.literal("task.started") }),
    z.object({ ...logged, type: z.literal("task.progress"), progress: taskProgressSchema }),
    z.object({ ...logged, type: z.literal("task.output"), chunk: z.string() }),
    z.object({ ...logged, type: z.literal("task.cancel_requested"), ...cancelled }),
    z.object({ ...logged, type: z.literal("task.completed") }),
    z.object({ ...logged, type: z.literal("task.failed"), error: taskErrorSchema }),
    z.object({ ...logged, type: z.literal("task.cancelled"), ...cancelled, mayStillRun: z.boolean() }),
    z.object({ ...logged, type: z.literal("follow_up.delivered") }),
    z.object({ ...logged, type: z.literal("follow_up.dropped"), reason: z.string() }),
  ])
  .register(named, { id: "TaskEvent" });
