/** A process of many readers. It is told where to read, says when all are there, and at the end what they have heard. */

import { get, type IncomingMessage } from "node:http";

export interface ReadersOptions {
  port: number;
  /** One for each reader: whose it is, and what it reads. */
  targets: { user: string; path: string }[];
  /** Whether they take nothing. */
  isStalled: boolean;
}

export interface Heard {
  messages: number;
  bytes: number;
  /** The ends of tasks, each counted once for each reader. */
  ends: number;
}

const heard: Heard = { messages: 0, bytes: 0, ends: 0 };

process.on("message", async (told: ReadersOptions | "report") => {
  if (told === "report") return void process.send?.(heard);
  await Promise.all(told.targets.map((target) => open(told, target)));
  process.send?.("open");
});

function open({ port, isStalled }: ReadersOptions, { user, path }: { user: string; path: string }) {
  return new Promise<void>((resolve, reject) => {
    const headers = { Accept: "text/event-stream", "X-User": user };
    const request = get({ host: "127.0.0.1", port, path, headers, agent: false }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${response.statusCode} for ${path}`));
      response.on("error", () => undefined);
      if (!isStalled) listen(response);
      resolve();
    });
    request.on("error", reject);
  });
}

function listen(response: IncomingMessage): void {
  const ended = new Set<string>();
  let text = "";
  response.setEncoding("latin1").on("data", (chunk: string) => {
    heard.bytes += chunk.length;
    const messages = (text + chunk).split("\n\n");
    text = messages.pop() ?? "";
    for (const message of messages) {
      heard.messages += 1;
      if (!/"(?:status":"|type":"task\.)completed"/.test(message)) continue;
      for (const [, id = ""] of message.matchAll(/"(?:taskId|id)":"([\w-]+)"/g)) ended.add(id);
      heard.ends += ended.size;
      ended.clear();
    }
  });
}
