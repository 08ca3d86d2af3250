import { type SessionKey, textOfSession } from "../../core/model/session-claim.ts";
import { Bell } from "./bell.ts";

/** Those who wait for a session in this process, in the order in which they came. */
export class Lines {
  readonly #lines = new Map<string, Place[]>();

  /** How many wait. */
  length(session: SessionKey): number {
    return this.#lines.get(textOfSession(session))?.length ?? 0;
  }

  /** Takes the last place. */
  enter(session: SessionKey): Place {
    const key = textOfSession(session);
    const line = this.#lines.get(key) ?? [];
    this.#lines.set(key, line);
    const place = new Place(line, () => this.#left(key, line));
    line.push(place);
    return place;
  }

  #left(key: string, line: readonly Place[]): void {
    if (line.length === 0) this.#lines.delete(key);
    else line[0]?.bell.ring();
  }
}

/** A place in a line. */
export class Place {
  /** Rings when it has become the first. */
  readonly bell = new Bell();
  readonly #line: Place[];
  readonly #left: () => void;

  constructor(line: Place[], left: () => void) {
    this.#line = line;
    this.#left = left;
  }

  get isFirst(): boolean {
    return this.#line[0] === this;
  }

  /** Whether nobody else is in the line. */
  get isAlone(): boolean {
    return this.#line.length === 1;
  }

  leave(): void {
    this.#line.splice(this.#line.indexOf(this), 1);
    this.#left();
  }
}
