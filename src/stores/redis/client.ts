/**
 * What the store needs of a Redis client. `Redis` and `Cluster` of ioredis have it; for others it is a few
 * lines. It has to name its errors as the server does, "NOSCRIPT …" among them.
 */
export interface RedisLike {
  eval(script: string, keys: number, ...keysAndArguments: string[]): Promise<unknown>;
  evalsha(sha1: string, keys: number, ...keysAndArguments: string[]): Promise<unknown>;
  /** A connection of its own, for hints from other processes. Without it, `watch` is left out. */
  duplicate?(): RedisSubscriberLike;
}

/**
 * A connection that listens. It has to connect again by itself, and to listen again when it has. Its "ready", each time that it
 * has, makes those who watch look at once for what they have missed. A `Cluster` is "ready" only the first time: what it misses
 * is found by looking.
 */
export interface RedisSubscriberLike {
  subscribe(channel: string): Promise<unknown>;
  on(event: "message", listener: (channel: string, message: string) => void): unknown;
  on(event: "ready", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  disconnect(): void;
}
