import * as z from "zod";
import { TASK_STATUSES } from "../core/model/task.ts";
import { named } from "./named-schemas.ts";
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
  limit: wholeNumber(1, 1_000)
    .exactOptional()
    .describe("How many at most. 1,000 unless it is given. Not with `text/event-stream`."),
  waitMs: wholeNumber(0, MAX_WAIT_MS)
    .exactOptional()
    .describe(
      "The milliseconds to wait while nothing follows `after`. 0 unless it is given. Not with `text/event-stream`.",
    ),
});

/** The header by which a stream of `GET /:id/events` is resumed. It beats `after`. */
export const streamHeadersSchema = z.object({
  // Some send an empty one where they have received nothing.
  "Last-Event-ID": z
    .string()
    .regex(/^\d{0,15}$/, { error: "must be one whole number from 0 on" })
    .exactOptional()
    .describe("The `id` of the last event that was received."),
});

/** What is said of a body as a whole; of a property that it must not have, zod says more. */
const ofBody = {
  error: ({ code }: { code: string }) =>
    code === "invalid_type" ? "must be a JSON object in UTF-8" : undefined,
};

/** The body of `POST /:id/cancel`, which may also be empty. */
export const cancelBodySchema = z
  .strictObject({ reason: z.string({ error: "must be a text" }).exactOptional() }, ofBody)
  .register(named, { id: "CancelBody" });

const nameError = "must be a text of 1 to 256 characters";

/** No database keeps a NUL in a text. */
const nameSchema = z
  .string({ error: nameError })
  .regex(/^[^\0]+$/, { error: nameError })
  .max(256, { error: nameError });

const wholeError = (most: string) => `must be one whole number from 1 ${most}`;

/** The body of `POST /`. */
export const createBodySchema = z
  .strictObject(
    {
      tool: nameSchema.describe("One of those in the list of tools."),
      input: z
        .unknown()
        .optional()
        .describe("What the tool's schema asks for. An empty object unless it is given."),
      sessionId: nameSchema
        .exactOptional()
        .describe("In which session. Its agent gets the result; without one nobody does."),
      priority: z
        .int({ error: wholeError("to 10") })
        .min(1, { error: wholeError("to 10") })
        .max(10, { error: wholeError("to 10") })
        .exactOptional()
        .describe("10 goes first; at most the tool's `maxPriority`. 1 unless it is given."),
      deadlineMs: z
        .int({ error: wholeError("on") })
        .min(1, { error: wholeError("on") })
        .exactOptional()
        .describe("The milliseconds after its start at which the task is ended."),
      description: z
        .string({ error: "must be a text" })
        .exactOptional()
        .describe("What lists show of it, as one line of at most 128 characters."),
      metadata: z
        .record(z.string(), z.unknown(), { error: "must be an object" })
        .exactOptional()
        .describe("What becomes of it is for the host to say."),
    },
    ofBody,
  )
  .register(named, { id: "CreateBody" });

const keyError = "must have 1 to 256 visible characters of ASCII";

/** Headers of `POST /`. */
export const createHeadersSchema = z.object({
  "Idempotency-Key": z
    .string()
    // Spaces at its ends are no part of a header.
    .regex(/^[!-~](?:[ -~]{0,254}[!-~])?$/, { error: keyError })
    .exactOptional()
    .describe("Whoever asks for the same again under the same key gets the same task."),
});

/** 200 of `GET /tools`. */
export const toolListSchema = z
  .object({
    tools: z.array(
      z.object({
        name: z.string(),
        description: z.string(),
        inputSchema: z.record(z.string(), z.unknown()).describe("JSON Schema of what it takes."),
        maxPriority: z.number(),
      }),
    ),
  })
  .register(named, { id: "ToolList" });

export const locationSchema = z.string().describe("Where the task is.");

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
export type StreamHeaders = z.infer<typeof streamHeadersSchema>;
export type EventsQuery = z.infer<typeof eventsQuerySchema>;
export type CancelBody = z.infer<typeof cancelBodySchema>;
export type CreateBody = z.infer<typeof createBodySchema>;
export type CreateHeaders = z.infer<typeof createHeadersSchema>;
export type ToolList = z.infer<typeof toolListSchema>;
export type PendingTask = z.infer<typeof pendingTaskSchema>;
export type Health = z.infer<typeof healthSchema>;
export type Problem = z.infer<typeof problemSchema>;
