import { numbered } from "../../core/model/events.ts";
import type { StoredResult } from "../../core/model/result.ts";
import type {
  EventPage,
  EventQuery,
  ListQuery,
  Payload,
  RecordPage,
  TaskKey,
} from "../../core/model/store.ts";
import { isFinished, type TaskRecord, type TaskScope } from "../../core/model/task.ts";
import type { Kind } from "./lua/keys.ts";
import { LIST } from "./lua/list.ts";
import { EVENTS, GET, PAYLOAD, RESULT } from "./lua/reading.ts";
import type { Script } from "./lua/script.ts";
import { listed, nameOf, nameOfSession, nameOfTask, nameOfUser, narrowedTo, numeral } from "./names.ts";
import { readEvent, readStoredResult } from "./records.ts";
import type { Server } from "./server.ts";
import { setAside, wholeRecord, wholeRecords } from "./whole-records.ts";

/** Reads tasks, one at a time or by the page. */
export class Reading {
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
  }

  async get(scope: TaskScope, id: string): Promise<TaskRecord | undefined> {
    const text = await this.#ask<string>(GET, scope, id);
    if (text === null) return undefined;
    const { shard, name } = this.#placeOf(scope, id);
    return wholeRecord(this.#server, shard, name, text);
  }

  async result(scope: TaskScope, id: string): Promise<StoredResult | undefined> {
    const text = await this.#ask<string>(RESULT, scope, id);
    if (text === null) return undefined;
    return readStoredResult(text) ?? this.#refuse(scope, id, "its result is wrong");
  }

  async events(scope: TaskScope, id: string, { after, limit }: EventQuery): Promise<EventPage | undefined> {
    const range = [numeral(after), numeral(limit)];
    const answer = await this.#ask<[string, string, string[]]>(EVENTS, scope, id, ...range);
    if (answer === null) return undefined;
    const [firstSeq, start] = [Number(answer[0]), Number(answer[1])];
    const read = answer[2].map(readEvent).filter((event) => event !== undefined);
    if (read.length < answer[2].length) return this.#refuse(scope, id, "its log is wrong");
    const events = numbered(id, start, read);
    const nextAfter = events.at(-1)?.seq ?? after;
    return { events, nextAfter, truncated: after + 1 < firstSeq };
  }

  async payload(task: TaskKey): Promise<Payload | undefined> {
    const shard = this.#server.shardOf(task.userId);
    const answer = await this.#server.run<[string, string | null] | null>(PAYLOAD, shard, nameOfTask(task));
    return answer === null ? undefined : { input: answer[0], checkpoint: answer[1] };
  }

  /** A page may take several looks: none of them looks at too many tasks at once. */
  async list(scope: TaskScope, { status, limit, after }: ListQuery): Promise<RecordPage> {
    const records: TaskRecord[] = [];
    const list = listFor(scope, status);
    let place = after ? [numeral(after.createdAt), nameOf(after.id)] : [];
    while (status?.length !== 0) {
      const args = [...list, numeral(limit - records.length), ...listed(quoted(status)), ...listed(place)];
      const shard = this.#server.shardOf(scope.userId);
      const [texts, end, createdAt, id] = await this.#server.run<ListAnswer>(LIST, shard, ...args);
      records.push(...(await wholeRecords(this.#server, shard, texts)));
      if (end !== "on") return { records, more: end === "more" };
      place = [createdAt, id];
    }
    return { records, more: false };
  }

  #ask<Answer>(script: Script, scope: TaskScope, id: string, ...args: string[]): Promise<Answer | null> {
    const { shard, name } = this.#placeOf(scope, id);
    return this.#server.run(script, shard, name, narrowedTo(scope), ...args);
  }

  /** Sets aside what turned out to be no whole task, and says so. */
  async #refuse(scope: TaskScope, id: string, reason: string): Promise<never> {
    const { shard, name } = this.#placeOf(scope, id);
    await setAside(this.#server, shard, name, reason);
    return this.#server.refuse(shard, name);
  }

  #placeOf({ userId }: TaskScope, id: string): { shard: number; name: string } {
    return { shard: this.#server.shardOf(userId), name: nameOfTask({ userId, id }) };
  }
}

type ListAnswer = [records: string[], end: "end" | "more" | "on", createdAt: string, id: string];

/** The user, the shortest list that has all that is asked for, and the session where the list has others too. */
function listFor(scope: TaskScope, status: ListQuery["status"]): [string, Kind, string, string] {
  const { userId, sessionId } = scope;
  const user = nameOfUser(userId);
  if (status?.some(isFinished) === false) return [user, "unfinished", user, narrowedTo(scope)];
  if (sessionId === undefined) return [user, "of_user", user, ""];
  return [user, "of_session", nameOfSession({ userId, sessionId }), ""];
}

function quoted(status: ListQuery["status"] = []): string[] {
  return status.map((one) => JSON.stringify(one));
}
