/** A value that components read, and that is kept up to date as long as any of them does. */
export class ExternalStore<State extends object> {
  #state: State;
  readonly #listeners = new Set<() => void>();
  readonly #run: (store: ExternalStore<State>, signal: AbortSignal) => Promise<void>;
  readonly #onUnread: () => void;
  #stop: AbortController | undefined;

  /** `run` keeps it up to date until its signal is aborted, and never rejects. `onUnread`: nobody reads it any more. */
  constructor(
    initial: State,
    run: (store: ExternalStore<State>, signal: AbortSignal) => Promise<void>,
    onUnread: () => void,
  ) {
    this.#state = initial;
    this.#run = run;
    this.#onUnread = onUnread;
  }

  readonly read = (): State => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (this.#stop === undefined) this.#start();
    return () => {
      this.#listeners.delete(listener);
      // StrictMode unmounts and mounts again at once: that is no reason to ask anew.
      setTimeout(() => this.#stopUnread(), 0);
    };
  };

  change(change: Partial<State>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of [...this.#listeners]) listener();
  }

  /** Begins anew, after what has ended it. */
  readonly retry = (): void => {
    this.#stop?.abort();
    this.#stop = undefined;
    if (this.#listeners.size > 0) this.#start();
  };

  #start(): void {
    this.#stop = new AbortController();
    void this.#run(this, this.#stop.signal);
  }

  #stopUnread(): void {
    if (this.#listeners.size > 0 || this.#stop === undefined) return;
    this.#stop.abort();
    this.#stop = undefined;
    this.#onUnread();
  }
}

/** One store for each key, of each client: however many components read it, its tasks are followed once. */
export function sharedStores<Client extends object, State extends object>(
  create: (client: Client, key: string, onUnread: () => void) => ExternalStore<State>,
): (client: Client, key: string) => ExternalStore<State> {
  const ofClients = new WeakMap<Client, Map<string, ExternalStore<State>>>();
  return (client, key) => {
    const stores = ofClients.get(client) ?? new Map<string, ExternalStore<State>>();
    ofClients.set(client, stores);
    const store = stores.get(key) ?? create(client, key, () => stores.delete(key));
    stores.set(key, store);
    return store;
  };
}
