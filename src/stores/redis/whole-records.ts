import type { TaskRecord } from "../../core/model/task.ts";
import { wrongWithRecord } from "../shared/check-record.ts";
import { SET_ASIDE } from "./lua/reading.ts";
import { nameOfTask } from "./names.ts";
import { parsed } from "./records.ts";
import type { Server } from "./server.ts";

/** Records from names and texts in turn. Those that are not whole are set aside, and left out. */
export async function wholeRecords(
  server: Server,
  shard: number,
  flat: readonly string[],
): Promise<TaskRecord[]> {
  const records: TaskRecord[] = [];
  for (let index = 0; index < flat.length; index += 2) {
    const [name = "", text = ""] = flat.slice(index, index + 2);
    const record = parsed(text);
    const reason = wrongWith(record, name);
    if (reason === undefined) records.push(record as TaskRecord);
    else await setAside(server, shard, name, reason);
  }
  return records;
}

/** One record. @throws what Redis says of a damaged one, where this one is */
export async function wholeRecord(
  server: Server,
  shard: number,
  name: string,
  text: string,
): Promise<TaskRecord> {
  const [record] = await wholeRecords(server, shard, [name, text]);
  return record ?? server.refuse(shard, name);
}

/** Sets aside a task of which a text turned out to be wrong. */
export async function setAside(server: Server, shard: number, name: string, reason: string): Promise<void> {
  await server.run(SET_ASIDE, shard, name, reason);
}

function wrongWith(record: unknown, name: string): string | undefined {
  const reason = wrongWithRecord(record);
  if (reason !== undefined) return reason;
  return nameOfTask(record as TaskRecord) === name ? undefined : "it is that of another task";
}
