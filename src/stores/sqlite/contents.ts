import type { StoredResult } from "../../core/model/result.ts";
import type { Payload } from "../../core/model/store.ts";
import { isText } from "../shared/checks.ts";
import type { Connection } from "./connection.ts";
import { CONTENT, CONTENTS } from "./names.ts";
import { parse } from "./read-entry.ts";
import { type Statement, statement, type Values } from "./statement.ts";
import { decodeText, encodeText } from "./text.ts";

/**
 * What there is to a task beside its record: its events, its result, and its payload, which is what it takes to
 * start it again. What is put waits for the end of the transaction, or for who asks for some in it.
 */
export class Contents {
  readonly #connection: Connection;
  #waiting: Row[] = [];

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  putEvent(task: number, seq: number, chars: number, event: string): void {
    this.#waiting.push({ task, content: seq, chars, text: event });
  }

  /** As they are kept: nobody has looked at them yet. */
  events(task: number, after: number, limit: number): { seq: number; event: unknown }[] {
    const rows = this.#connection.all(EVENTS, { task, after: Math.max(after, RESULT), limit });
    return rows.map(({ seq, text }) => ({ seq, event: parse(text) }));
  }

  oldestEvents(task: number, limit: number): { seq: number; chars: number }[] {
    this.write();
    return this.#connection.all(OLDEST_EVENTS, { task, limit });
  }

  dropEventsBefore(task: number, seq: number): void {
    this.write();
    this.#connection.run(DROP_EVENTS, { task, oldest: seq });
  }

  putResult(task: number, result: StoredResult): void {
    this.#waiting.push({ task, content: RESULT, chars: 0, text: JSON.stringify(result) });
  }

  /** As it is kept; `null`: it is no JSON. */
  result(task: number): unknown {
    const text = this.#get(task, RESULT);
    return text === undefined ? undefined : (parse(text) ?? null);
  }

  putInput(task: number, input: string): void {
    this.#waiting.push({ task, content: INPUT, chars: 0, text: encodeText(input) });
  }

  putCheckpoint(task: number, checkpoint: string): void {
    this.#waiting.push({ task, content: CHECKPOINT, chars: 0, text: encodeText(checkpoint) });
  }

  /** `undefined`: there is none, or none that can be read. */
  payload(task: number): Payload | undefined {
    const input = this.#get(task, INPUT);
    const checkpoint = this.#get(task, CHECKPOINT) ?? null;
    if (!isText(input) || !(checkpoint === null || isText(checkpoint))) return undefined;
    return { input: decodeText(input), checkpoint: checkpoint === null ? null : decodeText(checkpoint) };
  }

  dropPayload(task: number): void {
    this.write();
    this.#connection.run(DROP_PAYLOAD, { task });
  }

  /** Writes what waits. */
  write(): void {
    const rows = this.#waiting;
    this.#waiting = [];
    const many = rows.length - (rows.length % ROWS_TOGETHER);
    for (let at = 0; at < many; at += ROWS_TOGETHER) {
      this.#connection.runRows(PUT_MANY, rows.slice(at, at + ROWS_TOGETHER));
    }
    for (const row of rows.slice(many)) this.#connection.run(PUT_ONE, row);
  }

  /** The transaction has come to nothing. */
  forget(): void {
    this.#waiting = [];
  }

  #get(task: number, content: number): unknown {
    return this.#connection.get(GET, { task, content })?.text;
  }
}

/** The contents of a task beside its events: those have the numbers from 1 on, which is their `seq`. */
const RESULT = 0;
const INPUT = -1;
const CHECKPOINT = -2;

/** Rows that are written by one statement where there are so many: drivers ask a price for each. */
const ROWS_TOGETHER = 16;

/** `chars` is what an event weighs. */
type Row = Values<"task" | "content" | "chars" | "text">;

/** Writes so many rows. */
function put(rows: number): Statement<keyof Row> {
  const places = Array(rows).fill("(:task, :content, :chars, :text)").join(", ");
  return statement(`INSERT OR REPLACE INTO ${CONTENTS} (task, ${CONTENT}, chars, text) VALUES ${places}`);
}

const PUT_ONE = put(1);
const PUT_MANY = put(ROWS_TOGETHER);

/** The text of one of a task's contents. */
const GET = statement<"task" | "content", { text: unknown }>(
  `SELECT text FROM ${CONTENTS} WHERE task = :task AND ${CONTENT} = :content`,
);

const DROP_PAYLOAD = statement<"task">(
  `DELETE FROM ${CONTENTS} WHERE task = :task AND ${CONTENT} < ${RESULT}`,
);

/** The oldest events, with what they weigh. */
const OLDEST_EVENTS = statement<"task" | "limit", { seq: number; chars: number }>(
  `SELECT ${CONTENT} AS seq, chars FROM ${CONTENTS}
    WHERE task = :task AND ${CONTENT} > ${RESULT} ORDER BY ${CONTENT} LIMIT :limit`,
);

/** Drops what comes before the oldest event to stay. */
const DROP_EVENTS = statement<"task" | "oldest">(
  `DELETE FROM ${CONTENTS} WHERE task = :task AND ${CONTENT} > ${RESULT} AND ${CONTENT} < :oldest`,
);

/** Events that come after a number, in order. */
const EVENTS = statement<"task" | "after" | "limit", { seq: number; text: unknown }>(
  `SELECT ${CONTENT} AS seq, text FROM ${CONTENTS} WHERE task = :task AND ${CONTENT} > :after ORDER BY ${CONTENT} LIMIT :limit`,
);
