import { TaskOffloadError } from "../../core/errors.ts";

/** What a tool throws to act on its run: `interrupt()` does, and a `Command` to the parent graph is sent so. */
export function isBubbleUp(error: unknown): error is Error {
  return (error as { is_bubble_up?: boolean } | null)?.is_bubble_up === true;
}

/** Why the task fails whose tool throws such a thing after the hand-over: the run has gone on without it. */
export function tooLate(error: Error): TaskOffloadError {
  const isInterrupt = "interrupts" in error;
  const fault = isInterrupt
    ? "interrupt has no turn left to interrupt"
    : `${error.name} has no turn left to act on`;
  return new TaskOffloadError("not_supported", `${fault}: the call went on in the background.`);
}
