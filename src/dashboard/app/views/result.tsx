import type { TaskResult } from "../../../client/index.ts";
import { cleanText } from "../clean-text.ts";
import { Json } from "./json.tsx";
import { ScrolledText } from "./scrolled-text.tsx";

export function Result({ result }: { result: TaskResult }) {
  if (result.status !== "completed") return null;
  return (
    <section>
      <h3 id="result">Result</h3>
      {result.truncated ? (
        <Truncated {...result.value} bytes={result.truncated.bytes} />
      ) : (
        <Value value={result.value} />
      )}
      {result.lossy.length > 0 && (
        <p class="hint">Some of it could not be kept as it was: {result.lossy.map(cleanText).join(", ")}</p>
      )}
    </section>
  );
}

function Value({ value }: { value: unknown }) {
  if (typeof value === "string") return <ScrolledText labelledBy="result">{cleanText(value)}</ScrolledText>;
  if (value === null) return <p class="hint">The tool returned nothing.</p>;
  return (
    <div class="json">
      <Json value={value} isOpen />
    </div>
  );
}

function Truncated({ head, tail, bytes }: { head: string; tail: string; bytes: number }) {
  return (
    <>
      <ScrolledText labelledBy="result">{cleanText(head)}</ScrolledText>
      <p class="hint">
        {"…"} It has {bytes.toLocaleString()} bytes; these are its beginning and its end.
      </p>
      <ScrolledText labelledBy="result">{cleanText(tail)}</ScrolledText>
    </>
  );
}
