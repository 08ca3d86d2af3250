import { useSignal } from "@preact/signals";
import { cleanText } from "../clean-text.ts";

/** A value that folds. What is folded is not drawn. */
export function Json({ value, name, isOpen = false }: { value: unknown; name?: string; isOpen?: boolean }) {
  const open = useSignal(isOpen);
  if (typeof value !== "object" || value === null) {
    return (
      <div class="leaf">
        <Name name={name} />
        <Leaf value={value} />
      </div>
    );
  }
  return (
    <details open={open.value} onToggle={({ currentTarget }) => (open.value = currentTarget.open)}>
      <summary>
        <Name name={name} />
        <span class="size">{sizeOf(value)}</span>
      </summary>
      {open.value && <Entries value={value} />}
    </details>
  );
}

function Entries({ value }: { value: object }) {
  const most = useSignal(PAGE);
  const entries = Object.entries(value);
  return (
    <div class="entries">
      {entries.slice(0, most.value).map(([name, each]) => (
        <Json key={name} name={name} value={each} />
      ))}
      {entries.length > most.value && (
        <button type="button" class="quiet" onClick={() => (most.value += PAGE)}>
          {(entries.length - most.value).toLocaleString()} more
        </button>
      )}
    </div>
  );
}

function Leaf({ value }: { value: unknown }) {
  const isWhole = useSignal(false);
  if (typeof value !== "string") return <span class="literal">{String(value)}</span>;
  if (value.length <= LONG || isWhole.value) return <span class="text">"{cleanText(value)}"</span>;
  return (
    <>
      <span class="text">"{cleanText(value.slice(0, LONG))}…</span>
      <button type="button" class="quiet" onClick={() => (isWhole.value = true)}>
        all {value.length.toLocaleString()} characters
      </button>
    </>
  );
}

function Name({ name }: { name: string | undefined }) {
  return name === undefined ? null : <span class="name">{cleanText(name)}: </span>;
}

function sizeOf(value: object): string {
  const count = Object.keys(value).length;
  if (Array.isArray(value)) return count === 1 ? "[1 entry]" : `[${count} entries]`;
  return count === 1 ? "{1 property}" : `{${count} properties}`;
}

const PAGE = 100;
const LONG = 500;
