/** A task of a user's own making. */

import { canonicalInput } from "../../core/calls/canonical-input.ts";
import { TaskOffloadError, type TaskOffloadErrorCode } from "../../core/errors.ts";
import type { TaskInfo, TaskScope } from "../../core/model/task.ts";
import { oneLine } from "../../core/values/text.ts";
import type { ProblemCode } from "../problems.ts";
import type { CreateBody, CreateHeaders } from "../protocol.ts";
import { Refusal } from "../refusal.ts";
import { isPlainName } from "../request.ts";
import { type Answer, found } from "../response.ts";
import type { Visit } from "../route.ts";
import type { SchemaIssue } from "../standard-schema.ts";
import { type CreatableTool, isAllowed } from "../tools.ts";

export async function createTask(
  { tasks, creatable, basePath, body, headers }: Visit<unknown, CreateBody, CreateHeaders>,
  scope: TaskScope,
): Promise<Answer<TaskInfo, 202>> {
  const tool = found(await toolFor(creatable.get(body.tool), scope));
  const { sessionId = scope.sessionId, priority = 1, deadlineMs, description } = body;
  if (scope.sessionId !== undefined && sessionId !== scope.sessionId) throw new Refusal("not_found");
  if (priority > tool.maxPriority) throw tooHigh(tool.maxPriority);
  const asked = askedUnder(headers, body);
  const input = await readInput(tool, body.input);
  const metadata = await tool.metadata?.({ ...body, input }, { ...scope });
  const call = { toolName: tool.name, input, scope: { ...scope, sessionId }, metadata };
  const started = tasks.start(call, tool.execute, {
    priority,
    deadlineMs,
    ...(description !== undefined && { summarize: () => description }),
    // Where nobody speaks there is nobody to be told.
    followUp: sessionId === undefined ? "none" : tool.followUp,
    ...asked,
  });
  const task = await started.catch(refuse);
  return { status: 202, body: task, headers: { Location: `${basePath}/${task.id}` } };
}

/** The body is taken down before the host's functions get it: they may change it, and each time into something else. */
function askedUnder({ "Idempotency-Key": key }: CreateHeaders, body: CreateBody) {
  return key === undefined ? {} : { idempotencyKey: key, idempotencyBody: canonicalInput(body) };
}

async function toolFor(
  tool: CreatableTool | undefined,
  scope: TaskScope,
): Promise<CreatableTool | undefined> {
  return tool !== undefined && (await isAllowed(tool, scope)) ? tool : undefined;
}

/** What the schema makes of an input; none at all is an empty object. */
async function readInput({ schema }: CreatableTool, given: unknown = {}): Promise<unknown> {
  const result = await schema["~standard"].validate(given);
  if (result.issues === undefined) return result.value;
  const [issue] = result.issues;
  const field = fieldOf(issue);
  const message = oneLine(issue?.message ?? "cannot be used", MAX_MESSAGE).replace(/\.$/, "");
  throw new Refusal("invalid_body", { field, detail: `${field}: ${message}.` });
}

const MAX_MESSAGE = 256;
const MAX_FIELD = 128;

/** Where in the input it is, as far as that can be said in plain names: anybody may have chosen them. */
function fieldOf(issue: SchemaIssue | undefined): string {
  let field = "input";
  for (const part of issue?.path ?? []) {
    const name = String(typeof part === "object" ? part.key : part);
    if (!isPlainName(name) || field.length + name.length >= MAX_FIELD) break;
    field += `.${name}`;
  }
  return field;
}

function tooHigh(most: number): Refusal {
  const detail = `priority must be one whole number from 1 to ${most}.`;
  return new Refusal("invalid_body", { field: "priority", detail });
}

/** What the manager refuses, and the user can make something of. The rest is the host's to mend. */
function refuse(error: unknown): never {
  const code = TaskOffloadError.isInstance(error) ? PROBLEM_OF[error.code] : undefined;
  throw code === undefined ? error : new Refusal(code);
}

const PROBLEM_OF: Partial<Record<TaskOffloadErrorCode, ProblemCode>> = {
  conflict: "session_busy",
  key_reused: "key_reused",
  overloaded: "too_many_tasks",
  closed: "unavailable",
};
