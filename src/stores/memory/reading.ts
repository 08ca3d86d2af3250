import type { StoredResult } from "../../core/model/result.ts";
import type {
  EventPage,
  EventQuery,
  ListQuery,
  Payload,
  RecordPage,
  TaskKey,
} from "../../core/model/store.ts";
import { inScope, type TaskRecord, type TaskScope } from "../../core/model/task.ts";
import { copyRecord, copyResult } from "../shared/copy.ts";
import type { Catalogue } from "./catalogue.ts";

/** Reads tasks, one at a time or by the page. */
export class Reading {
  readonly #catalogue: Catalogue;

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue;
  }

  get(scope: TaskScope, id: string): TaskRecord | undefined {
    const entry = this.#catalogue.find(scope, id);
    return entry && copyRecord(entry.record);
  }

  list(scope: TaskScope, { status, limit, after }: ListQuery): RecordPage {
    const records: TaskRecord[] = [];
    for (const { record } of this.#catalogue.user(scope.userId).tasks.descending(after)) {
      if (!inScope(record, scope) || status?.includes(record.status) === false) continue;
      if (records.length === limit) return { records, more: true };
      records.push(copyRecord(record));
    }
    return { records, more: false };
  }

  events(scope: TaskScope, id: string, query: EventQuery): EventPage | undefined {
    const entry = this.#catalogue.find(scope, id);
    return entry?.log.page(id, entry.record.lastSeq, query);
  }

  result(scope: TaskScope, id: string): StoredResult | undefined {
    const result = this.#catalogue.find(scope, id)?.result;
    return result && copyResult(result);
  }

  payload(task: TaskKey): Payload | undefined {
    const payload = this.#catalogue.named(task)?.payload;
    return payload && { ...payload };
  }
}
