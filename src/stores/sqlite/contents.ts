import type { StoredResult } from "../../core/model/result.ts";
import type { Payload } from "../../core/model/store.ts";
import type { Connection, SqliteValue } from "./connection.ts";
import { CONTENT, CONTENTS } from "./names.ts";
import { decodeText, encodeText } from "./text.ts";

/**
 * What there is to a task beside its record: its events, its result, and its payload, which is what it takes to
 * start it again. What is put waits for the end of the transaction, or for who asks for some in it.
 */
export class Contents {
  readonly #connection: Connection;
  #waiting: SqliteValue[][] = [];

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  putEvent(task: number, seq: number, chars: number, event: string): void {
    this.#waiting.push([task, seq, chars, event]);
  }

  events(task: number, after: number, limit: number): string[] {
    return this.#connection
      .all<{ text: string }>(EVENTS, task, Math.max(after, RESULT), limit)
      .map(({ text }) => text);
  }

  oldestEvents(task: number, limit: number): { seq: number; chars: number }[] {
    this.write();
    return this.#connection.all(OLDEST_EVENTS, task, limit);
  }

  dropEventsBefore(task: number, seq: number): void {
    this.write();
    this.#connection.run(DROP_EVENTS, task, seq);
  }

  putResult(task: number, result: StoredResult): void {
    this.#waiting.push([task, RESULT, 0, JSON.stringify(result)]);
  }

  result(task: number): StoredResult | undefined {
    const text = this.#get(task, RESULT);
    return text === undefined ? undefined : JSON.parse(text);
  }

  putInput(task: number, input: string): void {
    this.#waiting.push([task, INPUT, 0, encodeText(input)]);
  }

  putCheckpoint(task: number, checkpoint: string): void {
    this.#waiting.push([task, CHECKPOINT, 0, encodeText(checkpoint)]);
  }

  payload(task: number): Payload | undefined {
    const input = this.#get(task, INPUT);
    const checkpoint = this.#get(task, CHECKPOINT);
    if (input === undefined) return undefined;
    return { input: decodeText(input), checkpoint: checkpoint === undefined ? null : decodeText(checkpoint) };
  }

  dropPayload(task: number): void {
    this.write();
    this.#connection.run(DROP_PAYLOAD, task);
  }

  /** Writes what waits. */
  write(): void {
    const rows = this.#waiting;
    this.#waiting = [];
    const many = rows.length - (rows.length % ROWS_TOGETHER);
    for (let at = 0; at < many; at += ROWS_TOGETHER) {
      this.#connection.run(PUT_MANY, ...rows.slice(at, at + ROWS_TOGETHER).flat());
    }
    for (const row of rows.slice(many)) this.#connection.run(PUT_ONE, ...row);
  }

  /** The transaction has come to nothing. */
  forget(): void {
    this.#waiting = [];
  }

  #get(task: number, content: number): string | undefined {
    return this.#connection.get<{ text: string }>(GET, task, content)?.text;
  }
}

/** The contents of a task beside its events: those have the numbers from 1 on, which is their `seq`. */
const RESULT = 0;
const INPUT = -1;
const CHECKPOINT = -2;

/** Rows that are written by one statement where there are so many: drivers ask a price for each. */
const ROWS_TOGETHER = 16;

const PUT = `INSERT OR REPLACE INTO ${CONTENTS} (task, ${CONTENT}, chars, text) VALUES`;
const ROW = "(?, ?, ?, ?)";

/** ? task, ? content, ? its weight, ? its text. */
const PUT_ONE = `${PUT} ${ROW}`;

/** The same four, so many times. */
const PUT_MANY = `${PUT} ${Array(ROWS_TOGETHER).fill(ROW).join(", ")}`;

/** ? task, ? content. Returns its text. */
const GET = `SELECT text FROM ${CONTENTS} WHERE task = ? AND ${CONTENT} = ?`;

/** ? task. */
const DROP_PAYLOAD = `DELETE FROM ${CONTENTS} WHERE task = ? AND ${CONTENT} < ${RESULT}`;

/** ? task, ? limit. Returns the numbers and the weights of its oldest events. */
const OLDEST_EVENTS = `SELECT ${CONTENT} AS seq, chars FROM ${CONTENTS}
  WHERE task = ? AND ${CONTENT} > ${RESULT} ORDER BY ${CONTENT} LIMIT ?`;

/** ? task, ? number of the oldest event to stay. */
const DROP_EVENTS = `DELETE FROM ${CONTENTS} WHERE task = ? AND ${CONTENT} > ${RESULT} AND ${CONTENT} < ?`;

/** ? task, ? number to read on from, ? limit. Returns the texts of its events, in order. */
const EVENTS = `SELECT text FROM ${CONTENTS} WHERE task = ? AND ${CONTENT} > ? ORDER BY ${CONTENT} LIMIT ?`;
