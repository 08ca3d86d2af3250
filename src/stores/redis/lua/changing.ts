import { BASE, TIME, WRITE } from "./base.ts";
import { HINTS, LOG } from "./log.ts";
import { SESSIONS } from "./sessions.ts";
import { CHANGE, REFILE, SHELVES } from "./shelves.ts";
import { TASK } from "./task.ts";

/** What every script needs that changes a task and puts it where it belongs then. */
export const CHANGING: readonly string[] = [
  BASE,
  TIME,
  WRITE,
  TASK,
  LOG,
  HINTS,
  SESSIONS,
  SHELVES,
  REFILE,
  CHANGE,
];
