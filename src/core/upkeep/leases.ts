import type { TaskHint } from "../model/store.ts";
import { scopeOf, type TaskRecord } from "../model/task.ts";
import type { Background } from "../tasks/running-tasks.ts";
import type { Starting } from "../tasks/start.ts";

/** Keeps this process's tasks its own, and hears of what others have done to them. */
export class Leases {
  readonly #background: Background;
  readonly #starting: Starting;

  constructor(background: Background, starting: Starting) {
    this.#background = background;
    this.#starting = starting;
  }

  /** Tells the store that this process is alive. */
  async renew(): Promise<void> {
    const { journal, terms } = this.#background;
    const held = [...this.#background.records, ...this.#starting.records];
    if (held.length === 0) return;
    const renewals = await journal.ask("renew", (store) => store.renew(terms.owner, held, terms.leaseMs));
    const versions = new Map(renewals.map(({ id, version }) => [id, version]));
    const changed = held.filter(({ id, version }) => versions.get(id) !== version);
    await Promise.all(changed.map((record) => this.#reread(record)));
  }

  /** What is newer than this process knows, another one has written. */
  hinted(hint: TaskHint): void {
    // What this process has written itself, it may hear of before it has the answer.
    if (this.#isNews(hint)) this.#background.clock.nextPass(() => this.#look(hint));
  }

  #look(hint: TaskHint): void {
    const known = this.#known(hint);
    if (known !== undefined && this.#isNews(hint)) this.#reread(known).catch(() => undefined);
  }

  #isNews(hint: TaskHint): boolean {
    const known = this.#known(hint);
    return known !== undefined && known.lastSeq < hint.lastSeq;
  }

  #known({ id }: TaskHint): TaskRecord | undefined {
    return this.#background.recordOf(id) ?? this.#starting.recordOf(id);
  }

  async #reread(known: TaskRecord): Promise<void> {
    const { journal } = this.#background;
    const record = await journal.ask("get", (store) => store.get(scopeOf(known), known.id));
    const current = record ?? { ...known, owner: null };
    this.#background.changed(current);
    if (this.#starting.has(known.id)) this.#starting.changed(current);
  }
}
