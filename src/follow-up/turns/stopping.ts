/** What the signal of an automatic turn says that makes room for somebody. */
export const PREEMPTED = "Somebody else is to have the session.";

/** Milliseconds after which what a user has stopped is told, unless they speak before. */
export const ABORTED_MS = 60_000;
