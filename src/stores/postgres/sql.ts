/** The statuses of tasks that have not ended, and the shelves they stand on. */
export const UNFINISHED = "('queued', 'running', 'input_required')";

/** The key of the lock that those who listen share. */
export const watchLock = (schema: string): string => `hashtextextended('${schema} watch', 0)`;
