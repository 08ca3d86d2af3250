import { type Line, linesOf, linesWith } from "./journal.ts";
import { untilTrue } from "./waiting.ts";

/** What was going on at some moment. */
export interface Load {
  tools: number;
  deliveries: number;
}

/** Less than this is no load. */
const LOAD: Load = { tools: 5, deliveries: 1 };

export function isLoad({ tools, deliveries }: Load): boolean {
  return tools >= LOAD.tools && deliveries >= LOAD.deliveries;
}

/** Waits until tools run and results are being told. If they never do, the answer is what there was instead. */
export async function underLoad(journal: string): Promise<Load> {
  let load = loadOf(linesOf(journal));
  await untilTrue(async () => {
    load = loadOf(linesOf(journal));
    return isLoad(load);
  }, 5);
  return load;
}

/** What is begun and not ended. */
function loadOf(lines: readonly Line[]): Load {
  const count = (...events: Line["event"][]) => linesWith(lines, ...events).length;
  return {
    tools: count("tool.begun") - count("tool.ended"),
    deliveries:
      count("delivery.begun", "chat.begun") - count("delivery.ended", "delivery.broken", "chat.ended"),
  };
}
