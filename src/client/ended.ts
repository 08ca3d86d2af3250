/** Whether a task with this status has ended; a status that this version does not know is unfinished. */
export function hasEnded(status: string): boolean {
  return ["completed", "failed", "cancelled"].includes(status);
}
