import type { TaskInfo } from "../core/model/task.ts";
import type { TaskPage } from "../core/reading/queries.ts";
import { type Written, write } from "./response.ts";

/**
 * Clients ask for the same page again and again, and it seldom changes. To see that it is as it was takes a
 * tenth of the time it takes to write and hash it, so the newest are kept as they were written.
 */
export class Pages {
  readonly #kept = new Map<string, Kept>();

  /** `key` only tells which page to compare with: what is written is always this one. */
  async write(key: string, page: TaskPage): Promise<Written> {
    const last = this.#kept.get(key);
    if (last && isSamePage(last.page, page)) return last.written;
    const written = await write(page);
    this.#kept.delete(key);
    if (written.text.length <= MAX_LENGTH) this.#keep(key, { page, written });
    return written;
  }

  #keep(key: string, kept: Kept): void {
    this.#kept.set(key, kept);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT && oldest !== undefined) this.#kept.delete(oldest);
  }
}

/** How many pages are kept, and of how many characters at most. */
const KEPT = 100;
const MAX_LENGTH = 32_768;

interface Kept {
  page: TaskPage;
  written: Written;
}

function isSamePage(a: TaskPage, b: TaskPage): boolean {
  if (a.nextCursor !== b.nextCursor || a.tasks.length !== b.tasks.length) return false;
  return a.tasks.every((task, index) => isSameTask(task, b.tasks[index]));
}

/** Names each field: a loop over the keys of both takes five times as long. */
function isSameTask(a: TaskInfo, b: TaskInfo | undefined): boolean {
  return (
    b !== undefined &&
    a.id === b.id &&
    a.toolName === b.toolName &&
    a.toolCallId === b.toolCallId &&
    a.sessionId === b.sessionId &&
    a.agentId === b.agentId &&
    a.summary === b.summary &&
    a.status === b.status &&
    a.priority === b.priority &&
    a.createdAt === b.createdAt &&
    a.startedAt === b.startedAt &&
    a.updatedAt === b.updatedAt &&
    a.completedAt === b.completedAt &&
    a.deadlineAt === b.deadlineAt &&
    a.followUp.status === b.followUp.status &&
    a.followUp.attempts === b.followUp.attempts &&
    a.followUp.reason === b.followUp.reason &&
    a.lastSeq === b.lastSeq &&
    a.version === b.version &&
    isSameJson(a.progress, b.progress) &&
    isSameJson(a.error, b.error) &&
    isSameJson(a.cancel, b.cancel) &&
    isSameJson(a.metadata, b.metadata)
  );
}

function isSameJson(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
