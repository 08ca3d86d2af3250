import { signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type CreatableTool, TaskClientError } from "../../../client/index.ts";
import { filters, select } from "../address.ts";
import { client, messageOf } from "../api.ts";
import { inputOf, type Values } from "../form.ts";
import { keep } from "../tasks.ts";
import { Dialog } from "./dialog.tsx";
import { ToolFields } from "./tool-fields.tsx";

export const isCreating = signal(false);

export function CreateDialog() {
  return isCreating.value ? <Creation /> : null;
}

function Creation() {
  const tools = useSignal<readonly CreatableTool[] | undefined>(undefined);
  const failure = useSignal("");
  useEffect(() => {
    client.tools().then(
      (all) => (tools.value = all),
      (error) => (failure.value = messageOf(error)),
    );
  }, [tools, failure]);
  const close = () => (isCreating.value = false);
  return (
    <Dialog title="New task" onClose={close}>
      {failure.value !== "" && (
        <p class="notice" role="alert">
          {failure}
        </p>
      )}
      {tools.value?.length === 0 && <p class="hint">There is no tool that you may start.</p>}
      {tools.value && tools.value.length > 0 ? (
        <Form tools={tools.value} onClose={close} />
      ) : (
        <p class="actions">
          <button type="button" onClick={close}>
            Close
          </button>
        </p>
      )}
    </Dialog>
  );
}

interface Failure {
  message: string;
  field: string;
}

function Form({ tools, onClose }: { tools: readonly CreatableTool[]; onClose(): void }) {
  const name = useSignal(tools[0]?.name ?? "");
  const values = useSignal<Values>({});
  const description = useSignal("");
  const failure = useSignal<Failure | undefined>(undefined);
  const isSending = useSignal(false);
  const isOpen = useRef(true);
  useEffect(
    () => () => {
      isOpen.current = false;
    },
    [],
  );
  const tool = tools.find((each) => each.name === name.value) ?? tools[0];
  if (!tool) return null;

  const create = async (event: SubmitEvent) => {
    event.preventDefault();
    if (isSending.value) return;
    isSending.value = true;
    try {
      const sessionId = filters.value.session || undefined;
      const input = inputOf(tool.inputSchema, values.value);
      const task = await client.create({
        tool: tool.name,
        input,
        sessionId,
        description: description.value.trim() || undefined,
      });
      keep(task);
      // Who has closed it already may be elsewhere by now.
      if (!isOpen.current) return;
      onClose();
      select(task.id);
    } catch (error) {
      const field = error instanceof TaskClientError ? (error.field ?? "") : "";
      failure.value = { message: messageOf(error), field: field.replace(/^input\.?/, "") };
    } finally {
      isSending.value = false;
    }
  };

  return (
    <form onSubmit={(event) => void create(event)}>
      <label>
        Tool
        <select
          value={tool.name}
          onChange={({ currentTarget }) => {
            name.value = currentTarget.value;
            values.value = {};
            failure.value = undefined;
          }}
        >
          {tools.map((each) => (
            <option key={each.name}>{each.name}</option>
          ))}
        </select>
      </label>
      {tool.description !== "" && <p class="hint">{tool.description}</p>}
      <ToolFields
        key={tool.name}
        schema={tool.inputSchema}
        values={values}
        wrong={failure.value?.field ?? ""}
      />
      <label>
        <span>
          Description<span class="hint">, if any</span>
        </span>
        <input
          value={description.value}
          maxLength={500}
          onInput={({ currentTarget }) => (description.value = currentTarget.value)}
        />
      </label>
      {failure.value && (
        <p class="notice" role="alert">
          {failure.value.message}
        </p>
      )}
      <p class="actions">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button type="submit" class="primary" disabled={isSending.value}>
          {isSending.value ? "Creating…" : "Create"}
        </button>
      </p>
    </form>
  );
}
