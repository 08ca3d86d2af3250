import { EventEmitter } from "node:events";
import type { UIMessage } from "ai";
import { followUpOf, type TaskDataParts } from "tool-offload/adapters/ai-sdk";
import type { SqliteDatabaseLike } from "tool-offload/stores/sqlite";

/** `chat`: there is something new in the chat. */
export type ChatMessage = UIMessage<unknown, TaskDataParts & { chat: null }>;

/** One chat of one user, and the scope of its tasks. */
export interface ChatScope {
  userId: string;
  sessionId: string;
}

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  CREATE TABLE IF NOT EXISTS messages (
    position INTEGER PRIMARY KEY,
    user_id TEXT NOT NULL,
    chat_id TEXT NOT NULL,
    message TEXT NOT NULL
  );
  CREATE INDEX IF NOT EXISTS messages_of_chat ON messages (user_id, chat_id, position);
  CREATE TABLE IF NOT EXISTS taken_in (
    user_id TEXT NOT NULL,
    chat_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    PRIMARY KEY (user_id, chat_id, task_id)
  );
`;

/** The messages of all chats, in the form of the AI SDK's pages. */
export class Conversations {
  readonly #database: SqliteDatabaseLike;
  readonly #changes = new EventEmitter().setMaxListeners(0);

  constructor(database: SqliteDatabaseLike) {
    this.#database = database;
    database.exec(SCHEMA);
  }

  read({ userId, sessionId }: ChatScope): ChatMessage[] {
    const rows = this.#database
      .prepare("SELECT message FROM messages WHERE user_id = ? AND chat_id = ? ORDER BY position")
      .all(userId, sessionId) as { message: string }[];
    return rows.map(({ message }) => JSON.parse(message));
  }

  /**
   * Messages and the ids of the late results in them, together or not at all. A result that is in the chat already
   * violates the key of `taken_in`: of two turns that tell of it, the second is not kept.
   */
  append(scope: ChatScope, messages: readonly ChatMessage[]): void {
    const { userId, sessionId } = scope;
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      for (const message of messages) {
        this.#insert("messages (user_id, chat_id, message)", userId, sessionId, JSON.stringify(message));
        for (const { id } of followUpOf(message)?.tasks ?? [])
          this.#insert("taken_in (user_id, chat_id, task_id)", userId, sessionId, id);
      }
      this.#database.exec("COMMIT");
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
    this.#changes.emit(keyOf(scope));
  }

  /** Calls back whenever there is something new in a chat, until the signal aborts. */
  onChange(scope: ChatScope, signal: AbortSignal, listener: () => void): void {
    this.#changes.on(keyOf(scope), listener);
    signal.addEventListener("abort", () => this.#changes.off(keyOf(scope), listener), { once: true });
  }

  #insert(into: string, ...values: [string, string, string]): void {
    this.#database.prepare(`INSERT INTO ${into} VALUES (?, ?, ?)`).run(...values);
  }
}

export function keyOf({ userId, sessionId }: ChatScope): string {
  return JSON.stringify([userId, sessionId]);
}
