/** The parts of `fetch` that the client needs, so that its types want neither those of the DOM nor those of Node. */
export type Fetch = (url: string, init: FetchInit) => Promise<Fetched>;

export interface FetchInit {
  method: string;
  headers: Record<string, string>;
  body?: string;
  credentials?: Credentials;
  // biome-ignore lint/suspicious/noExplicitAny: each runtime has a type of its own
  signal?: any;
}

export type Credentials = "omit" | "same-origin" | "include";

export interface Fetched {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  /** A {@link ByteStream}, of whichever type the runtime has. */
  readonly body: unknown;
  text(): Promise<string>;
}

/** What an `AbortSignal` has. */
export interface Signal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** What a stream of bytes has. */
export interface ByteStream {
  getReader(): {
    read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
    cancel(): Promise<void>;
  };
}
