import type { CancelledBy } from "../model/task.ts";
import { kind, milliseconds, text } from "../values/kinds.ts";
import { option, type Table } from "../values/options.ts";

const CANCELLED_BY: readonly unknown[] = ["user", "model", "host", "turn"] satisfies CancelledBy[];

export interface CancelOptions {
  /** Who stops it. @default "host" */
  by?: CancelledBy | undefined;
  /** Why. Shown as one line of at most 512 code points, secrets masked. */
  reason?: string | undefined;
}

export const CANCEL = {
  by: option(
    kind(`one of ${CANCELLED_BY.join(", ")}`, (value) => CANCELLED_BY.includes(value)),
    "host",
  ),
  reason: option(text),
} satisfies Table<CancelOptions>;

/** How what works in the background is ended. */
export interface CloseOptions {
  /** Milliseconds in which what runs may end by itself. @default 5_000 */
  drainMs?: number | undefined;
}

export const CLOSE = { drainMs: option(milliseconds, 5_000) } satisfies Table<CloseOptions>;
