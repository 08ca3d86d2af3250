import * as z from "zod";
import { TASK_STATUSES } from "../core/model/task.ts";
import { PROBLEM_CODES } from "./problems.ts";
import { taskEventSchema, taskInfoSchema, taskStatusSchema } from "./task-schemas.ts";

/** The longest a request may wait for a result, in milliseconds. */
const MAX_WAIT_MS = 60_000;

const wholeNumber = (least: number, most = Number.MAX_SAFE_INTEGER) => {
  const upTo = most === Number.MAX_SAFE_INTEGER ? "on" : `to ${most}`;
  const error = `must be one whole number from ${least} ${upTo}`;
  return z
    .string({ error })
    .regex(/^\d+$/, { error })
    .transform(Number)
    .pipe(z.int({ error }).min(least, { error }).max(most, { error }));
};

const sessionError = "must be one session's id";
const cursorError = "must be the nextCursor of another page";
const statusError = `must be one or more of ${TASK_STATUSES.join(", ")}`;

const statusList = z
  .union([z.string(), z.array(z.string())])
  .transform((given) => [...new Set([given].flat().join(",").split(","))])
  .pipe(z.array(z.enum(TASK_STATUSES, { error: statusError })));

/** The path of everything that is about one task. An id needs no escaping; an escaped one is no id. */
export const taskPathSchema = z.object({ id: z.string().regex(/^[\w-]{1,128}$/) });

/** `GET /`. `status` may be given more than once, or separated by commas. */
export const listQuerySchema = z.object({
  sessionId: z
    .string({ error: sessionError })
    // No database keeps a NUL in a text.
    .regex(/^[^\0]+$/, { error: sessionError })
    .exactOptional(),
  status: statusList.exactOptional(),
  /** @default 50 */
  limit: wholeNumber(1, 500).exactOptional(),
  cursor: z
    .string({ error: cursorError })
    .regex(/^\d{1,16}\.[\w-]{1,128}$/, { error: cursorError })
    .exactOptional(),
});

/** `GET /:id/result`. `offset` and `limit` count UTF-16 code units of the kept text. */
export const resultQuerySchema = z.object({
  /** Milliseconds to wait for the task's end. @default 0 */
  waitMs: wholeNumber(0, MAX_WAIT_MS).exactOptional(),
  offset: wholeNumber(0).exactOptional(),
  limit: wholeNumber(0).exactOptional(),
});

/** `GET /:id/events`. */
export const eventsQuerySchema = z.object({
  /** Answers events with a greater `seq`. @default 0 */
  after: wholeNumber(0).exactOptional(),
  /** @default 1_000 */
  limit: wholeNumber(1, 1_000).exactOptional(),
});

const bodyError = "must be a JSON object in UTF-8";

/** The body of `POST /:id/cancel`, which may also be empty. */
export const cancelBodySchema = z.object(
  { reason: z.string({ error: "must be a text" }).exactOptional() },
  { error: bodyError },
);

/** 200 of `GET /`: newest first. */
export const taskPageSchema = z.object({
  tasks: z.array(taskInfoSchema),
  nextCursor: z.string().nullable(),
});

/** 202 of `GET /:id/result`: the task, which has not ended. */
export const pendingTaskSchema = taskInfoSchema.extend({
  status: taskStatusSchema.extract(["queued", "running", "input_required"]),
});

/** 200 of `GET /:id/events`. */
export const eventPageSchema = z.object({
  events: z.array(taskEventSchema),
  nextAfter: z.number(),
  truncated: z.boolean(),
});

/** 200 and 503 of `GET /health`. */
export const healthSchema = z.object({ status: z.enum(["ok", "closing"]) });

/** In `Retry-After`: the seconds after which asking again may help. */
export const retryAfterSchema = z.string().regex(/^\d+$/);

/** Problem details (RFC 9457): the body of every other answer from 400 on. */
export const problemSchema = z.object({
  type: z.literal("about:blank"),
  /** What kind of problem it is, for programs. */
  code: z.enum(PROBLEM_CODES),
  title: z.string(),
  status: z.number(),
  detail: z.string(),
  /** With status 400, what is wrong with the request: a query parameter, a property of the body, or `body`. */
  field: z.string().optional(),
});

export type TaskPath = z.infer<typeof taskPathSchema>;
export type TaskListQuery = z.infer<typeof listQuerySchema>;
export type ResultQuery = z.infer<typeof resultQuerySchema>;
export type EventsQuery = z.infer<typeof eventsQuerySchema>;
export type CancelBody = z.infer<typeof cancelBodySchema>;
export type PendingTask = z.infer<typeof pendingTaskSchema>;
export type Health = z.infer<typeof healthSchema>;
export type Problem = z.infer<typeof problemSchema>;
