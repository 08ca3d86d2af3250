import type { Signal } from "@preact/signals";
import { type Field, fieldsOf, isIn, textIn, type Values } from "../form.ts";

export function ToolFields(props: {
  schema: Record<string, unknown>;
  values: Signal<Values>;
  wrong: string;
}) {
  const { schema, values, wrong } = props;
  return fieldsOf(schema).map((field) => (
    <FieldInput
      key={field.name}
      field={field}
      value={textIn(values.value, field)}
      isWrong={isIn(field, wrong)}
      onChange={(value) => (values.value = { ...values.value, [field.name]: value })}
    />
  ));
}

interface InputProps {
  field: Field;
  value: string;
  isWrong: boolean;
  onChange(value: string): void;
}

function FieldInput({ field, value, isWrong, onChange }: InputProps) {
  const { title, kind, isRequired, description } = field;
  const shared = { value, required: isRequired && kind !== "boolean", "aria-invalid": isWrong };
  const onInput = ({ currentTarget }: { currentTarget: { value: string } }) => onChange(currentTarget.value);
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: it is one of those below
    <label class={kind === "boolean" ? "check" : undefined}>
      <span>
        {title}
        {!isRequired && kind !== "boolean" && <span class="hint">, if any</span>}
      </span>
      {kind === "enum" && (
        <select {...shared} onInput={onInput}>
          {(!isRequired || value === "") && <option value="" />}
          {field.choices.map((choice) => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
        </select>
      )}
      {kind === "boolean" && (
        <input
          type="checkbox"
          checked={value === "true"}
          onChange={({ currentTarget }) => onChange(String(currentTarget.checked))}
        />
      )}
      {kind === "json" && <textarea {...shared} rows={5} spellcheck={false} onInput={onInput} />}
      {kind === "number" && (
        <input
          {...shared}
          type="number"
          step={field.step}
          min={field.min}
          max={field.max}
          onInput={onInput}
        />
      )}
      {kind === "string" && <input {...shared} onInput={onInput} />}
      {description !== "" && <span class="hint">{description}</span>}
    </label>
  );
}
