import * as z from "zod";
import { TASK_STATUSES } from "../core/model/task.ts";
import { named } from "./names.ts";
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
export const taskPathSchema = z.object({
  id: z
    .string()
    .regex(/^[\w-]{1,128}$/)
    .describe("The id of a task."),
});

/** `GET /`. `status` may be given more than once, or separated by commas. */
export const listQuerySchema = z.object({
  sessionId: z
    .string({ error: sessionError })
    // No database keeps a NUL in a text.
    .regex(/^[^\0]+$/, { error: sessionError })
    .exactOptional()
    .describe("Only tasks of this session."),
  status: statusList.exactOptional().describe("Only tasks with one of these statuses."),
  limit: wholeNumber(1, 500).exactOptional().describe("How many at most. 50 unless it is given."),
  cursor: z
    .string({ error: cursorError })
    .regex(/^\d{1,16}\.[\w-]{1,128}$/, { error: cursorError })
    .exactOptional()
    .describe("The `nextCursor` of the page before."),
  waitMs: wholeNumber(0, MAX_WAIT_MS)
    .exactOptional()
    .describe("The milliseconds to wait as long as the answer would be 304. 0 unless it is given."),
});

/** `GET /stream`. */
export const streamQuerySchema = listQuerySchema.pick({ sessionId: true });

/** `GET /:id/result`. `offset` and `limit` count UTF-16 code units of the kept text. */
export const resultQuerySchema = z.object({
  waitMs: wholeNumber(0, MAX_WAIT_MS)
    .exactOptional()
    .describe("The milliseconds to wait for the task's end. 0 unless it is given."),
  offset: wholeNumber(0).exactOptional().describe("Where the slice of the kept text begins."),
  limit: wholeNumber(0).exactOptional().describe("How much of the kept text at most."),
});

/** `GET /:id/events`. */
export const eventsQuerySchema = z.object({
  after: wholeNumber(0).exactOptional().describe("Only events with a greater `seq`. 0 unless it is given."),
  limit: wholeNumber(1, 1_000).exactOptional().describe("How many at most. 1,000 unless it is given."),
  waitMs: wholeNumber(0, MAX_WAIT_MS)
    .exactOptional()
    .describe("The milliseconds to wait while nothing follows `after`. 0 unless it is given."),
});

/** The header by which a stream of `GET /:id/events` is resumed. It beats `after`. */
export const lastEventIdSchema = wholeNumber(0).describe("The `id` of the last event that was received.");

const bodyError = "must be a JSON object in UTF-8";

/** The body of `POST /:id/cancel`, which may also be empty. */
export const cancelBodySchema = z
  .object({ reason: z.string({ error: "must be a text" }).exactOptional() }, { error: bodyError })
  .register(named, { id: "CancelBody" });

/** 200 of `GET /`: newest first. */
export const taskPageSchema = z
  .object({
    tasks: z.array(taskInfoSchema),
    nextCursor: z.string().nullable(),
  })
  .register(named, { id: "TaskPage" });

/** 202 of `GET /:id/result`: the task, which has not ended. */
export const pendingTaskSchema = taskInfoSchema
  .extend({
    status: taskStatusSchema.extract(["queued", "running", "input_required"]),
  })
  .register(named, { id: "PendingTask" });

/** 200 of `GET /:id/events`. */
export const eventPageSchema = z
  .object({
    events: z.array(taskEventSchema),
    nextAfter: z.number(),
    truncated: z.boolean(),
  })
  .register(named, { id: "EventPage" });

/** What is sent as `snapshot` by `GET /stream`: all that has not ended, and the newest of the rest. */
export const taskSnapshotSchema = z
  .object({
    tasks: z.array(taskInfoSchema),
    /** Whether there are more, which are in the list. */
    more: z.boolean(),
  })
  .register(named, { id: "TaskSnapshot" });

/** 200 of `GET /:id/events` as `text/event-stream`. */
export const eventStreamSchema = z
  .string()
  .describe(
    "Server-sent events: each is a `TaskEvent`, with its `seq` as `id`. `truncated`, which has none, says that events before the next one are gone.",
  );

/** 200 of `GET /stream`. */
export const taskStreamSchema = z
  .string()
  .describe(
    "Server-sent events: `snapshot` is a `TaskSnapshot`, `task` a `Task` as it has become. Of two states of a task the newer has the greater `version`, or the greater `lastSeq`.",
  );

/** 200 and 503 of `GET /health`. */
export const healthSchema = z.object({ status: z.enum(["ok", "closing"]) }).register(named, { id: "Health" });

/** 200 of `GET /openapi.json`. */
export const openApiSchema = z.record(z.string(), z.unknown());

export const retryAfterSchema = z.int().min(0).describe("The seconds after which to ask again.");

/** Problem details (RFC 9457): the body of every other answer from 400 on. */
export const problemSchema = z
  .object({
    type: z.literal("about:blank"),
    /** What kind of problem it is, for programs. */
    code: z.enum(PROBLEM_CODES),
    title: z.string(),
    status: z.number(),
    detail: z.string(),
    /** With status 400, what is wrong with the request: a query parameter, a header, a property of the body, or `body`. */
    field: z.string().optional(),
  })
  .register(named, { id: "Problem" });

export type TaskPath = z.infer<typeof taskPathSchema>;
export type StreamQuery = z.infer<typeof streamQuerySchema>;
export type TaskSnapshot = z.infer<typeof taskSnapshotSchema>;
export type TaskListQuery = z.infer<typeof listQuerySchema>;
export type ResultQuery = z.infer<typeof resultQuerySchema>;
export type EventsQuery = z.infer<typeof eventsQuerySchema>;
export type CancelBody = z.infer<typeof cancelBodySchema>;
export type PendingTask = z.infer<typeof pendingTaskSchema>;
export type Health = z.infer<typeof healthSchema>;
export type Problem = z.infer<typeof problemSchema>;
