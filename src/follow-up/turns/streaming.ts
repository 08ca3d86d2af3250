/** Whether a value is a stream, a response, or a result that goes on streaming: it may still fail. */
export function isStreaming(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return value instanceof Response || MEMBERS.some((member) => member in value);
}

/** Of web streams, Node's streams, async iterables, and what the frameworks return when they stream. */
const MEMBERS = ["getReader", "pipe", Symbol.asyncIterator, "textStream", "toTextStream"];
