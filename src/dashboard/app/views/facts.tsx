import type { ComponentChildren } from "preact";
import type { TaskInfo } from "../../../client/index.ts";
import { cleanText } from "../clean-text.ts";
import { instantText } from "../times.ts";
import { Json } from "./json.tsx";

const FOLLOW_UPS: Record<string, string> = {
  none: "None",
  pending: "Waiting to be told to the agent",
  claimed: "Being told to the agent",
  delivered: "Told to the agent",
  dropped: "Dropped",
};

const WHO: Record<string, string> = {
  user: "a user",
  model: "the model",
  host: "the host",
  turn: "the end of its turn",
};

export function Facts({ task }: { task: TaskInfo }) {
  const { followUp, cancel } = task;
  return (
    <section>
      <h3>Details</h3>
      <dl class="details">
        <Fact name="Tool">{cleanText(task.toolName)}</Fact>
        <Fact name="Session">{task.sessionId && cleanText(task.sessionId)}</Fact>
        <Fact name="Agent">{task.agentId && cleanText(task.agentId)}</Fact>
        <Fact name="Created">{instantText(task.createdAt)}</Fact>
        <Fact name="Started">{task.startedAt !== null && instantText(task.startedAt)}</Fact>
        <Fact name="Ended">{task.completedAt !== null && instantText(task.completedAt)}</Fact>
        <Fact name="Deadline">{task.deadlineAt !== null && instantText(task.deadlineAt)}</Fact>
        <Fact name="Priority">{task.priority > 1 && task.priority}</Fact>
        <Fact name="Stopped by">
          {cancel && `${WHO[cancel.by] ?? cancel.by}${cancel.reason ? `: ${cleanText(cancel.reason)}` : ""}`}
        </Fact>
        <Fact name="Follow-up">
          {FOLLOW_UPS[followUp.status] ?? followUp.status}
          {followUp.attempts > 1 && `, after ${followUp.attempts} attempts`}
          {followUp.reason && `: ${cleanText(followUp.reason)}`}
        </Fact>
        <Fact name="Id">
          <code>{task.id}</code>
        </Fact>
        <Fact name="Tool call">
          {task.toolCallId !== task.id && <code>{cleanText(task.toolCallId)}</code>}
        </Fact>
        <Fact name="Metadata">{task.metadata && <Json value={task.metadata} isOpen />}</Fact>
      </dl>
    </section>
  );
}

function Fact({ name, children }: { name: string; children?: ComponentChildren }) {
  if (children === null || children === false || children === "") return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
