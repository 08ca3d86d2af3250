import type { TaskRecord } from "../../core/model/task.ts";
import { wrongWithRecord } from "../shared/check-record.ts";
import { type Checks, isCount, isNumber, isObject, orMissing, wrongField } from "../shared/checks.ts";
import type { Entry, EntryRow, Kept, RecordRow } from "./entry.ts";
import { encodeNullable, encodeText } from "./text.ts";

/** A task that cannot be read, or that lacks a part. */
export class DamagedRow {
  readonly key: number;
  readonly reason: string;

  constructor(key: number, reason: string) {
    this.key = key;
    this.reason = reason;
  }
}

/** The task of a row, if it is whole. */
export function readEntry(row: EntryRow): Entry | DamagedRow {
  const kept = parse(row.kept);
  const reason = wrongWith(row, kept);
  return reason === undefined ? toEntry(row, kept as Kept) : new DamagedRow(row.key, reason);
}

/** The records of rows; those that are not whole are `met`. */
export function readRecords(rows: readonly RecordRow[], met: DamagedRow[]): TaskRecord[] {
  return rows.flatMap((row) => {
    const entry = readEntry(row);
    if (!(entry instanceof DamagedRow)) return [entry.record];
    met.push(entry);
    return [];
  });
}

/** `undefined`: that is no JSON. */
export function parse(text: unknown): unknown {
  try {
    return typeof text === "string" ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}

const isFlag = (value: unknown) => typeof value === "boolean";

const KEPT: Checks<Omit<Kept, "record">> = {
  leaseMs: isNumber,
  hasPayload: isFlag,
  oldestSeq: isCount,
  logChars: isNumber,
  hasResult: orMissing(isFlag),
};

function toEntry(
  row: EntryRow,
  { record, leaseMs, hasPayload, oldestSeq, logChars, hasResult }: Kept,
): Entry {
  const { key, endedAt = 0, mode = null, turns = 0, isDue = null, delayedUntil = null } = row;
  const index = row.index as Entry["index"];
  return {
    ...{ key, endedAt, leaseEndsAt: null, record, leaseMs, hasPayload, oldestSeq, logChars },
    ...{ hasResult: hasResult === true, index, mode, turns, isDue, delayedUntil },
  };
}

function wrongWith(row: EntryRow, kept: unknown): string | undefined {
  if (row.index === "damaged") return "it was set aside";
  if (!isObject(kept)) return "it is no JSON";
  const wrong = wrongWithRecord(kept.record) ?? wrongWithRest(kept);
  if (wrong !== undefined) return wrong;
  if (!isOfRow(kept.record as TaskRecord, row)) return "it is that of another task";
  return kept.hasResult === true && row.isWithoutResult === 1 ? "its result is missing" : undefined;
}

function wrongWithRest(kept: object): string | undefined {
  const field = wrongField(kept, KEPT);
  return field === undefined ? undefined : `its ${field} is missing or wrong`;
}

function isOfRow({ id, userId, sessionId }: TaskRecord, row: RecordRow): boolean {
  return (
    isEncoded(row.id, id) &&
    isEncoded(row.userId, userId) &&
    (sessionId === null ? row.session === encodeNullable(null) : isEncoded(row.session, sessionId))
  );
}

/** Most are kept as they are. */
function isEncoded(kept: string, text: string): boolean {
  return kept === text || kept === encodeText(text);
}
