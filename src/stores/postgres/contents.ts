import { type NewTaskEvent, numbered, type TaskEvent } from "../../core/model/events.ts";
import type { StoredResult } from "../../core/model/result.ts";
import type { EventPage, EventQuery, Payload, TaskKey } from "../../core/model/store.ts";
import type { TaskScope } from "../../core/model/task.ts";
import type { Database } from "./database.ts";
import { fromText } from "./keys.ts";
import { Query, taskIn } from "./query.ts";

/** What is kept beside the records: events, results, payloads. */
export class Contents {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async events(scope: TaskScope, id: string, { after, limit }: EventQuery): Promise<EventPage | undefined> {
    const s = this.#database.schema;
    const query = new Query();
    const text = `SELECT t.first_seq, e.last_seq, e.events FROM ${s}.tasks t
      LEFT JOIN LATERAL (SELECT e.last_seq, e.events FROM ${s}.events e
        WHERE e.task_key = t.key AND e.last_seq > ${query.bind(after)}::bigint
        ORDER BY e.last_seq LIMIT ${query.bind(limit)}) e ON true
      WHERE ${taskIn(query, scope, id)} ORDER BY e.last_seq`;
    const rows = await this.#database.ask<BatchRow>(text, query.values);
    const [first] = rows;
    return first && pageOf(rows, id, { after, limit }, first.first_seq);
  }

  async result(scope: TaskScope, id: string): Promise<StoredResult | undefined> {
    const s = this.#database.schema;
    const query = new Query();
    const text = `SELECT r.about, r.head, r.tail FROM ${s}.tasks t JOIN ${s}.results r ON r.task_key = t.key
      WHERE ${taskIn(query, scope, id)}`;
    const [row] = await this.#database.ask<ResultRow>(text, query.values);
    return row && resultOf(row);
  }

  async payload({ userId, id }: TaskKey): Promise<Payload | undefined> {
    const s = this.#database.schema;
    const query = new Query();
    const text = `SELECT p.input, p.checkpoint FROM ${s}.tasks t JOIN ${s}.payloads p ON p.task_key = t.key
      WHERE ${taskIn(query, { userId }, id)}`;
    const [row] = await this.#database.ask<Payload>(text, query.values);
    if (row === undefined) return undefined;
    const { input, checkpoint } = row;
    return { input: fromText(input), checkpoint: checkpoint === null ? null : fromText(checkpoint) };
  }
}

/** Without events, where there are none to read. */
interface BatchRow {
  first_seq: number;
  last_seq: number | null;
  events: string | null;
}

interface ResultRow {
  about: string;
  head: string;
  tail: string | null;
}

/** The oldest batch may begin with events that are gone from the ring, or were read before. */
function pageOf(rows: BatchRow[], taskId: string, { after, limit }: EventQuery, firstSeq: number): EventPage {
  const kept = rows
    .flatMap((row) => eventsOf(row, taskId))
    .filter(({ seq }) => seq > after && seq >= firstSeq);
  const events = kept.slice(0, limit);
  return { events, nextAfter: events.at(-1)?.seq ?? after, truncated: after + 1 < firstSeq };
}

function eventsOf({ last_seq, events }: BatchRow, taskId: string): TaskEvent[] {
  if (last_seq === null || events === null) return [];
  const batch: NewTaskEvent[] = JSON.parse(events);
  return numbered(taskId, last_seq - batch.length + 1, batch);
}

function resultOf({ about, head, tail }: ResultRow): StoredResult {
  const { bytes, lossy } = JSON.parse(about);
  if (tail === null) return { kind: "whole", json: fromText(head), lossy };
  return { kind: "cut", head: fromText(head), tail: fromText(tail), bytes, lossy };
}
