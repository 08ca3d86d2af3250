import type { SessionHint } from "../../core/model/session-claim.ts";
import type { StoreHint, TaskHint } from "../../core/model/store.ts";
import { TASK_STATUSES } from "../../core/model/task.ts";
import { FOLLOW_UP_STATUSES } from "./check-record.ts";
import { type Check, type Checks, isCount, isText, oneOf, orNull, wrongField } from "./checks.ts";

/**
 * The hint in a message from outside of the process, of which nothing may be believed: `undefined` unless each field
 * is what it should be. Never throws.
 *
 * @example
 * ```ts
 * import { parseHint } from "tool-offload/store";
 *
 * console.log(parseHint("rubbish")); // undefined
 * ```
 */
export function parseHint(text: string): StoreHint | undefined {
  return checkHint(parse(text));
}

/** The same of what was parsed already. */
export function checkHint(hint: unknown): StoreHint | undefined {
  if (wrongField(hint, TURN_HINT) === undefined) return turnHint(hint as SessionHint);
  return wrongField(hint, HINT) === undefined ? taskHint(hint as TaskHint) : undefined;
}

/** Characters that are read of a message: more than any store writes. */
const MOST_CHARS = 65_536;
/** Characters of an id: those of new calls are far shorter, those of 0.1.0 had no bound. */
const MOST_ID_CHARS = 8_192;

const isId: Check = (value) => isText(value) && value.length <= MOST_ID_CHARS;

const HINT: Checks<TaskHint> = {
  id: isId,
  userId: isId,
  sessionId: orNull(isId),
  firstSeq: isCount,
  lastSeq: isCount,
  status: oneOf(TASK_STATUSES),
  followUp: oneOf(FOLLOW_UP_STATUSES),
};

const TURN_HINT: Checks<SessionHint> = {
  userId: isId,
  sessionId: orNull(isId),
  turn: oneOf(["free", "stop"]),
};

function turnHint({ userId, sessionId, turn }: SessionHint): SessionHint {
  return { userId, sessionId, turn };
}

function taskHint({
  id,
  userId,
  sessionId,
  firstSeq,
  lastSeq,
  status,
  followUp,
}: TaskHint): TaskHint | undefined {
  return firstSeq > lastSeq + 1 ? undefined : { id, userId, sessionId, firstSeq, lastSeq, status, followUp };
}

function parse(text: string): unknown {
  if (!isText(text) || text.length > MOST_CHARS) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
