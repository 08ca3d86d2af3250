import type { NewTaskEvent } from "../../core/model/events.ts";
import { weightOf } from "../shared/weight.ts";

/** Events as one row of the log: nothing of it if there are none. */
export interface Batch {
  json: string | null;
  weights: string | null;
  count: number;
  chars: number;
}

export function logOf(events: readonly NewTaskEvent[]): Batch {
  if (events.length === 0) return { json: null, weights: null, count: 0, chars: 0 };
  const weights = events.map(weightOf);
  const chars = weights.reduce((sum, weight) => sum + weight, 0);
  return { json: JSON.stringify(events), weights: JSON.stringify(weights), count: events.length, chars };
}
