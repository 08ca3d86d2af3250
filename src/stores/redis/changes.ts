import type { ChangedTask, Changes, ChangesQuery } from "../../core/model/changes.ts";
import type { FollowUpStatus } from "../../core/model/follow-up.ts";
import type { TaskStatus } from "../../core/model/task.ts";
import { CHANGES } from "./lua/changes.ts";
import { listed, nameOf, nameOfUser, numeral, sessionNamed, taskNamed } from "./names.ts";
import type { Server } from "./server.ts";

/** Finds what has changed since somebody has looked: one script in each shard that has one of the users. */
export class ChangesReading {
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
  }

  async read(queries: readonly ChangesQuery[], limit: number): Promise<Changes[]> {
    const found = new Map<ChangesQuery, Changes>();
    const readShard = async ([shard, inShard]: [number, ChangesQuery[]]) => {
      const args = [numeral(limit), ...listed(inShard.flatMap(toArguments))];
      const answers = await this.#server.run<ChangesAnswer[]>(CHANGES, shard, ...args);
      for (const [index, query] of inShard.entries()) found.set(query, toChanges(answers[index]));
    };
    await Promise.all([...this.#byShard(queries)].map(readShard));
    return queries.map((query) => found.get(query) ?? toChanges(undefined));
  }

  #byShard(queries: readonly ChangesQuery[]): Map<number, ChangesQuery[]> {
    const byShard = new Map<number, ChangesQuery[]>();
    for (const query of queries) {
      const shard = this.#server.shardOf(query.userId);
      byShard.set(shard, [...(byShard.get(shard) ?? []), query]);
    }
    return byShard;
  }
}

type ChangesAnswer = [found: string[], gone: string[], more: string, next: string];

function toArguments({ userId, known, since }: ChangesQuery): string[] {
  const places = known.flatMap(({ id, version, lastSeq }) => [
    nameOf(id),
    numeral(version),
    numeral(lastSeq),
  ]);
  const others = since === undefined ? "" : "1";
  return [nameOfUser(userId), others, since == null ? "" : numeral(since), String(known.length), ...places];
}

function toChanges([found, gone, more, next]: ChangesAnswer = [[], [], "", "0"]): Changes {
  const tasks = Array.from({ length: found.length / DETAILS }, (_, at) =>
    toTask(found.slice(at * DETAILS, (at + 1) * DETAILS)),
  );
  return { tasks, gone: gone.map(idNamed), more: more === "1", next: Number(next) };
}

/** Of each task. */
const DETAILS = 7;

function toTask([
  id = "",
  session = "",
  version,
  lastSeq,
  status = "",
  followUp = "",
  ended,
]: string[]): ChangedTask {
  return {
    id: idNamed(id),
    sessionId: sessionNamed(`/${session}`).sessionId,
    version: Number(version),
    lastSeq: Number(lastSeq),
    status: JSON.parse(status) as TaskStatus,
    followUp: JSON.parse(followUp) as FollowUpStatus,
    endedAt: ended === "" ? null : Number(ended),
  };
}

function idNamed(name: string): string {
  return taskNamed(`/${name}`).id;
}
