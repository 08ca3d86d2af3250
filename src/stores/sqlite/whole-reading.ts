import { DamagedError } from "../shared/damage.ts";
import type { Damages } from "./damage.ts";
import type { Database } from "./database.ts";
import { DamagedRow } from "./read-entry.ts";

/** Reading answers what is whole, and sets aside what it has met that is not. */
export class WholeReading {
  readonly #database: Database;
  readonly #damages: Damages;

  constructor(database: Database, damages: Damages) {
    this.#database = database;
    this.#damages = damages;
  }

  /** What was asked for. @throws DamagedError */
  async one<T>(reading: Promise<T | DamagedRow>): Promise<T> {
    const answer = await reading;
    if (!(answer instanceof DamagedRow)) return answer;
    throw new DamagedError(await this.#database.write(() => this.#damages.setAside(answer)));
  }

  /** What a look of one statement finds that `met` nothing damaged: that is not there the next time. */
  many<T>(look: (met: DamagedRow[]) => T): Promise<T> {
    return this.#until(look, (once) => this.#database.peek(once));
  }

  /** The same for several statements. */
  several<T>(look: (met: DamagedRow[]) => T): Promise<T> {
    return this.#until(look, (once) => this.#database.read(once));
  }

  async #until<T>(look: (met: DamagedRow[]) => T, read: (once: () => T) => Promise<T>): Promise<T> {
    for (;;) {
      const met: DamagedRow[] = [];
      const answer = await read(() => look(met));
      if (met.length === 0) return answer;
      await this.#database.write(() => met.map((row) => this.#damages.setAside(row)));
    }
  }
}
