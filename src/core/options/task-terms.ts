import type { Redact } from "../values/redact.ts";

/** How a manager treats its tasks. */
export interface TaskTerms {
  /** Names this process among those that share the store. */
  readonly owner: string;
  /** Whether other processes may start again what this one leaves. */
  readonly isShared: boolean;
  readonly followUps: boolean;
  readonly redact: Redact | undefined;
  readonly cancelGraceMs: number;
  readonly maxResultBytes: number;
}
