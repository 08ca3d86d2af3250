import type { UIMessage } from "ai";
import { followUpOf, type TaskDataParts } from "tool-offload/adapters/ai-sdk";
import type { Turn } from "tool-offload/follow-up";
import type { SqliteDatabaseLike } from "tool-offload/stores/sqlite";

/** `chat`: there is something new in the chat. */
export type ChatMessage = UIMessage<unknown, TaskDataParts & { chat: null }>;

/** One chat of one user, and the scope of its tasks. */
export interface ChatScope {
  userId: string;
  sessionId: string;
}

const SCHEMA = `
  PRAGMA busy_timeout = 5000;
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
  CREATE TABLE IF NOT EXISTS chats (
    user_id TEXT NOT NULL,
    chat_id TEXT NOT NULL,
    turn_number INTEGER NOT NULL,
    PRIMARY KEY (user_id, chat_id)
  );
`;

/** Changes nothing where a later turn has written: a process that slept for too long finds that out here. */
const FENCE = `
  INSERT INTO chats (user_id, chat_id, turn_number) VALUES (?, ?, ?)
  ON CONFLICT (user_id, chat_id) DO UPDATE SET turn_number = excluded.turn_number WHERE turn_number <= excluded.turn_number
`;

/** Milliseconds until a page learns of what another process has written. */
const LOOK_MS = 200;

/** The messages of all chats, in the form of the AI SDK's pages. Any number of processes share them. */
export class Conversations {
  readonly #database: SqliteDatabaseLike;

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
   * Messages of a turn and the ids of the late results in them, together or not at all. A result that is in the chat
   * already violates the key of `taken_in`: of two turns that tell of it, the second is not kept.
   *
   * @throws if a later turn of the chat has written before
   */
  append({ scope, number }: Pick<Turn, "scope" | "number">, messages: readonly ChatMessage[]): void {
    const { userId, sessionId } = scope as ChatScope;
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const { changes } = this.#database.prepare(FENCE).run(userId, sessionId, number);
      if (Number(changes) === 0) throw new Error("A later turn of the chat has written before.");
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
  }

  /** Calls back whenever there is something new in a chat, whichever process has written it, until the signal aborts. */
  onChange(scope: ChatScope, signal: AbortSignal, listener: () => void): void {
    let known = this.#newest(scope);
    const timer = setInterval(() => {
      const newest = this.#newest(scope);
      if (newest === known) return;
      known = newest;
      listener();
    }, LOOK_MS);
    signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  }

  #newest({ userId, sessionId }: ChatScope): number | null {
    const newest = this.#database
      .prepare("SELECT max(position) AS position FROM messages WHERE user_id = ? AND chat_id = ?")
      .get(userId, sessionId) as { position: number | null };
    return newest.position;
  }

  #insert(into: string, ...values: [string, string, string]): void {
    this.#database.prepare(`INSERT INTO ${into} VALUES (?, ?, ?)`).run(...values);
  }
}
