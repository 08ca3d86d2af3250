import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { createRequestListener } from "@remix-run/node-fetch-server";
import { BackgroundTaskManager } from "tool-offload";
import { createTaskHandler } from "tool-offload/http";
import type { Heard, ReadersOptions } from "./readers.ts";

const SCRIPT = fileURLToPath(new URL("./readers.ts", import.meta.url));

/** A server of this process, and readers of its streams in another one. */
export class Host {
  readonly tasks = new BackgroundTaskManager({ limits: { runningPerUser: 1_000 } });
  readonly #server = createServer(
    createRequestListener(
      createTaskHandler({
        tasks: this.tasks,
        authenticate: ({ headers }) => ({ userId: headers.get("X-User") ?? "nobody" }),
        streams: { perUser: Number.POSITIVE_INFINITY },
      }),
    ),
  );
  #readers: ChildProcess | undefined;

  async open(targets: ReadersOptions["targets"], isStalled = false): Promise<void> {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
    const { port } = this.#server.address() as AddressInfo;
    this.#readers = fork(SCRIPT);
    this.#readers.send({ port, targets, isStalled } satisfies ReadersOptions);
    await once(this.#readers, "message");
  }

  async heard(): Promise<Heard> {
    this.#readers?.send("report");
    const [heard] = await once(this.#readers ?? process, "message");
    return heard as Heard;
  }

  async close(): Promise<void> {
    this.#readers?.kill();
    this.#server.closeAllConnections();
    this.#server.close();
    await this.tasks.close({ drainMs: 0 });
  }

  /** A task that reports so often, for so long. */
  async start(userId: string, everyMs: number, forMs: number, text: string): Promise<string> {
    const call = { toolName: "talk", input: {}, scope: { userId } };
    const { id } = await this.tasks.start(call, (_input, context) => {
      let count = 0;
      const timer = setInterval(() => {
        count += 1;
        context.report({ value: count });
        if (text !== "") context.write(text);
      }, everyMs);
      return new Promise<void>((resolve) => {
        setTimeout(() => {
          clearInterval(timer);
          resolve();
        }, forMs);
      });
    });
    return id;
  }
}
