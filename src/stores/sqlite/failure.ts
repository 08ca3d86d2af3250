import { TaskOffloadError } from "../../core/errors.ts";
import { errorMessage } from "../../core/values/reasons.ts";

/** Other processes are in the way. */
export function isBusy(error: unknown): boolean {
  return [BUSY, LOCKED, PROTOCOL].includes(codeOf(error) ?? 0);
}

/** What a call rejects with. */
export function callFailure(error: unknown): TaskOffloadError {
  if (TaskOffloadError.isInstance(error)) return error;
  return new TaskOffloadError("store_failed", `SQLite failed: ${errorMessage(error)}`, { cause: error });
}

/** What opening a database throws. */
export function openFailure(name: string, error: unknown): TaskOffloadError {
  if (TaskOffloadError.isInstance(error)) return error;
  const advice = ADVICE[codeOf(error) ?? 0];
  const message = `The SQLite database ${name} cannot be used: ${errorMessage(error)}.`;
  return new TaskOffloadError("store_failed", advice ? `${message} ${advice}` : message, { cause: error });
}

/** Result codes of SQLite. */
const BUSY = 5;
const LOCKED = 6;
const READ_ONLY = 8;
const CORRUPT = 11;
const CANNOT_OPEN = 14;
/** Too many processes wanted the same at once: it may be tried again. */
const PROTOCOL = 15;
const NOT_A_DATABASE = 26;

const CODES: Record<string, number> = {
  SQLITE_BUSY: BUSY,
  SQLITE_LOCKED: LOCKED,
  SQLITE_READONLY: READ_ONLY,
  SQLITE_CORRUPT: CORRUPT,
  SQLITE_CANTOPEN: CANNOT_OPEN,
  SQLITE_PROTOCOL: PROTOCOL,
  SQLITE_NOTADB: NOT_A_DATABASE,
};

const ADVICE: Record<number, string> = {
  [BUSY]: "Another process has kept it locked.",
  [LOCKED]: "Another process has kept it locked.",
  [READ_ONLY]: "This process must be able to write to the file and to its directory.",
  [CORRUPT]: "It was left as it is: restore it from a backup, or move it away to begin with an empty one.",
  [CANNOT_OPEN]: "Its directory must exist, and this process must be able to write there.",
  [NOT_A_DATABASE]: "It was left as it is: give the path of a SQLite database, or of a file yet to be made.",
};

/** The result code, without what extends it. Each driver has its own way to tell it. */
function codeOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { errcode, rawCode, code } = error as Record<string, unknown>;
  const extended = errcode ?? rawCode;
  if (typeof extended === "number") return extended & 0xff;
  return CODES[String(code).split("_").slice(0, 2).join("_")];
}
