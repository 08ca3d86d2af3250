import { createHash } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TaskScope } from "tool-offload";
import type { FollowUpMarker } from "tool-offload/follow-up";

export interface Message {
  role: "user" | "assistant" | "tool";
  content: string;
  /** The tools the model calls with this message. */
  calls?: { id: string; toolName: string }[];
  /** The call that this is the answer of: its result, or the placeholder. */
  toolCallId?: string;
  /** Present where the message brings late results: a page shows it as a notice, not as the user's words. */
  marker?: FollowUpMarker;
}

export interface Conversation {
  messages: Message[];
  /**
   * The ids of all follow-ups that are in here. A list of its own, since old messages may one day be
   * summarised away, and what was taken in must still be known then.
   */
  takenIn: string[];
}

/** The conversations of this host, a JSON file each. */
export class Conversations {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** `undefined`: there is no such conversation. */
  async read(scope: TaskScope): Promise<Conversation | undefined> {
    try {
      return JSON.parse(await readFile(this.#fileOf(scope), "utf8"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /**
   * Messages and follow-up ids together, or nothing: the file is written beside the old one and takes its
   * place in one step. In a database this is one transaction, with a unique key on each session's ids, and
   * fenced by the turn's number, as in examples/chat-server.
   */
  async commit(scope: TaskScope, conversation: Conversation): Promise<void> {
    const file = this.#fileOf(scope);
    await writeFile(`${file}.new`, JSON.stringify(conversation, null, 2), { flush: true });
    await rename(`${file}.new`, file);
  }

  /** Hashed, since ids come from outside and may hold anything. */
  #fileOf({ userId, sessionId }: TaskScope): string {
    const hash = createHash("sha256").update(JSON.stringify([userId, sessionId]));
    return join(this.#folder, `${hash.digest("hex")}.json`);
  }
}
