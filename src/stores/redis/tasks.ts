import type { NewTaskEvent } from "../../core/model/events.ts";
import type {
  Insertion,
  LimitName,
  NewTask,
  Refused,
  TaskChange,
  TaskKey,
  TaskLimits,
} from "../../core/model/store.ts";
import { isFinished, type TaskRecord } from "../../core/model/task.ts";
import { APPEND, CHECKPOINT } from "./lua/append.ts";
import { INSERT } from "./lua/insert.ts";
import { TRANSITION } from "./lua/transition.ts";
import { listed, nameOfTask, numeral, optionalName, sessionField } from "./names.ts";
import { fieldsOf, progressIn, splitRecord, written } from "./records.ts";
import type { Server } from "./server.ts";
import { wholeRecord } from "./whole-records.ts";

/** Writes tasks, one at a time. */
export class Tasks {
  readonly #server: Server;
  readonly #finished: (shard: number) => void;

  /** `finished` is told of the shard in which a task has ended. */
  constructor(server: Server, finished: (shard: number) => void) {
    this.#server = server;
    this.#finished = finished;
  }

  async insert(task: NewTask, limits: TaskLimits, leaseMs: number): Promise<Insertion> {
    const shard = this.#server.shardOf(task.record.userId);
    const args = insertion(task, limits, leaseMs);
    const answer = await this.#server.write<InsertAnswer>(INSERT, shard, ...args);
    const [status, nameOrLimit, text = ""] = answer ?? unanswered();
    if (status === "refused") return { status, limit: nameOrLimit as LimitName };
    return { status, record: await this.#read(nameOrLimit, text, shard) };
  }

  async transition(task: TaskKey, version: number, change: TaskChange): Promise<TaskRecord | undefined> {
    const shard = this.#server.shardOf(task.userId);
    const none = ["", ...runningLimits(NO_LIMITS)];
    const args = [
      nameOfTask(task),
      numeral(version),
      ...none,
      ...changed(change, change.patch.owner != null),
    ];
    const answer = await this.#server.write<[name: string, record: string]>(TRANSITION, shard, ...args);
    return answer && this.#read(...answer, shard);
  }

  async admit(
    task: TaskKey,
    version: number,
    change: TaskChange,
    limits: TaskLimits,
  ): Promise<TaskRecord | Refused | undefined> {
    const shard = this.#server.shardOf(task.userId);
    const args = [
      nameOfTask(task),
      numeral(version),
      "1",
      ...runningLimits(limits),
      ...changed(change, true),
    ];
    const answer = await this.#server.write<AdmitAnswer>(TRANSITION, shard, ...args);
    if (answer === undefined) return undefined;
    return answer[0] === null
      ? { status: "refused", limit: answer[1] }
      : this.#read(answer[0], answer[1], shard);
  }

  async append(task: TaskKey, owner: string, events: NewTaskEvent[]): Promise<number> {
    const shard = this.#server.shardOf(task.userId);
    const said = [...listed(progressIn(events)), ...listed(written(events))];
    const args = [nameOfTask(task), JSON.stringify(owner), ...said];
    const [seq] = (await this.#server.write<[string]>(APPEND, shard, ...args)) ?? unanswered();
    return Number(seq);
  }

  async checkpoint(task: TaskKey, owner: string, checkpoint: string): Promise<boolean> {
    const args = [nameOfTask(task), JSON.stringify(owner), checkpoint];
    return (await this.#server.run(CHECKPOINT, this.#server.shardOf(task.userId), ...args)) === "1";
  }

  async #read(name: string, text: string, shard: number): Promise<TaskRecord> {
    const record = await wholeRecord(this.#server, shard, name, text);
    if (isFinished(record.status)) this.#finished(shard);
    return record;
  }
}

type InsertAnswer = [status: Insertion["status"], nameOrLimit: string, record?: string];
type AdmitAnswer = [name: string, record: string] | [null, limit: LimitName];

/** What is no argument of the limits. */
const NO_LIMITS = { runningPerUser: null, runningPerSession: null };

function insertion({ record, events, input }: NewTask, limits: TaskLimits, leaseMs: number): string[] {
  const { whose, rest, fields } = splitRecord(record);
  return [
    nameOfTask(record),
    sessionField(record.sessionId),
    optionalName(record.duplicateKey),
    optionalName(record.idempotency?.key ?? null),
    whose,
    rest,
    ...runningLimits(limits),
    limit(limits.queuedPerUser),
    limits.exclusive ? "1" : "",
    ...listed(input === undefined ? [] : [input]),
    ...listed(["leaseMs", numeral(leaseMs), ...fields, ...progressIn(events)]),
    ...listed(written(events)),
  ];
}

function changed({ patch, events, result }: TaskChange, beginsLease: boolean): string[] {
  return [
    beginsLease ? "1" : "",
    ...listed(result === undefined ? [] : [JSON.stringify(result)]),
    ...listed([...fieldsOf(patch), ...progressIn(events)]),
    ...listed(written(events)),
  ];
}

function runningLimits(limits: Pick<TaskLimits, "runningPerUser" | "runningPerSession">): string[] {
  return [limit(limits.runningPerUser), limit(limits.runningPerSession)];
}

function limit(value: number | null): string {
  return value === null ? "" : numeral(value);
}

function unanswered(): never {
  throw new Error("Redis answered nothing where it had to.");
}
