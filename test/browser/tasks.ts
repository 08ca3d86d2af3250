import type { TaskScope } from "../../src/index.ts";
import type { Site } from "./site.ts";

export const ADA: TaskScope = { userId: "ada" };
const CALL = { toolName: "search", input: { query: "otters" }, scope: ADA };

/** A task of Ada's that does what it is told to. */
export async function begun(site: Site) {
  let finish: (value: unknown) => void = () => undefined;
  const value = new Promise((resolve) => {
    finish = resolve;
  });
  let write: (chunk: string) => void = () => undefined;
  const { id } = await site.tasks.start(CALL, (_input, context) => {
    write = context.write;
    return value;
  });
  return { id, write: (chunk: string) => write(chunk), finish };
}

/** The numbers of the events that its log holds. */
export async function seqsOf(site: Site, id: string): Promise<number[]> {
  const { events } = await site.tasks.events(ADA, id);
  return events.map(({ seq }) => seq);
}
