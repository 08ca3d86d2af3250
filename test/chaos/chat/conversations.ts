import Database from "libsql";
import type { Message } from "./messages.ts";

/** A turn that others have come after has written, and was refused. */
export class Fenced extends Error {}

/** The conversations of a host, in a file that its processes share, fenced by the numbers of the turns. */
export class Conversations {
  readonly #database: Database.Database;

  constructor(path: string) {
    this.#database = new Database(path, { timeout: 10_000 });
    // Processes die here, and not the machine: what is written need not be on its disk.
    this.#database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = OFF;
      CREATE TABLE IF NOT EXISTS conversations (session TEXT PRIMARY KEY, turn INTEGER NOT NULL);
      CREATE TABLE IF NOT EXISTS messages (n INTEGER PRIMARY KEY, session TEXT NOT NULL, turn INTEGER NOT NULL, message TEXT NOT NULL);
    `);
  }

  /** From now on no turn before this one can write. @throws `Fenced`: it is such a turn itself */
  open(session: string, turn: number): Message[] {
    const opened = this.#database
      .prepare(
        `INSERT INTO conversations VALUES (?, ?) ON CONFLICT DO UPDATE SET turn = excluded.turn WHERE turn < excluded.turn`,
      )
      .run(session, turn);
    if (opened.changes === 0) throw new Fenced();
    return this.read(session);
  }

  read(session: string): Message[] {
    const rows = this.#database
      .prepare("SELECT message FROM messages WHERE session = ? ORDER BY n")
      .all(session);
    return (rows as { message: string }[]).map(({ message }) => JSON.parse(message) as Message);
  }

  /** All of them or none. @throws `Fenced` */
  write(session: string, turn: number, messages: readonly Message[]): void {
    const written = this.#database
      .prepare(
        `INSERT INTO messages (session, turn, message)
          SELECT session, turn, json_each.value FROM conversations, json_each(?) WHERE session = ? AND turn = ?`,
      )
      .run(JSON.stringify(messages), session, turn);
    if (written.changes === 0) throw new Fenced();
  }

  /** Sessions with the turns that have written there, one for each message, in their order. */
  writers(): Map<string, number[]> {
    const writers = new Map<string, number[]>();
    const rows = this.#database.prepare("SELECT session, turn FROM messages ORDER BY n").all();
    for (const { session, turn } of rows as { session: string; turn: number }[]) {
      writers.set(session, [...(writers.get(session) ?? []), turn]);
    }
    return writers;
  }

  close(): void {
    this.#database.close();
  }
}
