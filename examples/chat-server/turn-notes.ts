import assert from "node:assert/strict";
import type { Turn } from "tool-offload/follow-up";
import type { SqliteDatabaseLike } from "tool-offload/stores/sqlite";

/** What happened: a user has asked for a turn, a turn has begun or ended, a process has died. */
export interface TurnNote {
  what: "asked" | "begin" | "end" | "died";
  pid: number;
  userId: string | null;
  chatId: string | null;
  by: Turn["by"] | null;
  number: number | null;
}

const SCHEMA = `
  PRAGMA busy_timeout = 5000;
  CREATE TABLE IF NOT EXISTS turn_notes (
    position INTEGER PRIMARY KEY,
    what TEXT NOT NULL,
    pid INTEGER NOT NULL,
    user_id TEXT,
    chat_id TEXT,
    by TEXT,
    number INTEGER
  );
`;

/** What all processes note of their turns, in the order in which it happened. It is there for the proof alone. */
export class TurnNotes {
  readonly #database: SqliteDatabaseLike;

  constructor(database: SqliteDatabaseLike) {
    this.#database = database;
    database.exec(SCHEMA);
  }

  add(what: TurnNote["what"], { scope, by, number }: Partial<Turn> = {}, pid = process.pid): void {
    this.#database
      .prepare("INSERT INTO turn_notes (what, pid, user_id, chat_id, by, number) VALUES (?, ?, ?, ?, ?, ?)")
      .run(what, pid, scope?.userId ?? null, scope?.sessionId ?? null, by ?? null, number ?? null);
  }

  read(): TurnNote[] {
    return this.#database
      .prepare(`
        SELECT what, pid, user_id AS userId, chat_id AS chatId, by, number FROM turn_notes ORDER BY position
      `)
      .all() as TurnNote[];
  }

  of(user: string): TurnNote[] {
    return this.read().filter(({ userId }) => userId === user);
  }
}

/** A chat has one turn at a time, whichever process runs it, and each has a greater number than the one before. */
export function assertOneAtATime(notes: readonly TurnNote[]): void {
  const running = new Map<string, TurnNote>();
  const numbers = new Map<string, number>();
  for (const note of notes) {
    const chat = JSON.stringify([note.userId, note.chatId]);
    const number = note.number ?? 0;
    if (note.what === "begin") {
      assert.equal(running.get(chat), undefined, "the turn before has ended");
      assert(number > (numbers.get(chat) ?? 0), "turns are counted");
      running.set(chat, note);
      numbers.set(chat, number);
    }
    if (note.what === "end") {
      assert.equal(running.get(chat)?.number, number);
      running.delete(chat);
    }
    if (note.what === "died") {
      for (const [its, { pid }] of running) if (pid === note.pid) running.delete(its);
    }
  }
  assert.equal(running.size, 0, "all have ended");
}
