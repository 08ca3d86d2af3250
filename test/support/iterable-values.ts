import { spawn } from "node:child_process";

/** A page as API clients give it: data, which can be iterated too, with the items of the pages behind it. */
export class Page {
  readonly data: readonly { id: string }[];
  readonly has_more = false;
  readonly #client = {};

  constructor(...ids: string[]) {
    this.data = ids.map((id) => ({ id }));
  }

  hasNextPage(): boolean {
    return "next" in this.#client;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<{ id: string }> {
    for (const item of this.data) yield item;
  }
}

/** A promise of a page, which can be iterated too: `client.files.list()` of OpenAI's client. */
export class PagePromise extends Promise<Page> {
  async *[Symbol.asyncIterator](): AsyncGenerator<{ id: string }> {
    yield* await this;
  }
}

export function pagePromise(...ids: string[]): PagePromise {
  return new PagePromise((resolve) => setTimeout(() => resolve(new Page(...ids)), 1));
}

/**
 * A subprocess as `execa` gives it: a child process with the methods of a promise, which is iterated by its lines.
 * It resolves to a result that is no stream.
 */
export function subprocess(...lines: string[]) {
  const print = `for (const line of ${JSON.stringify(lines)}) console.log(line)`;
  const child = spawn(process.execPath, ["--eval", print], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<{ stdout: string; exitCode: number | null }>((resolve, reject) => {
    let stdout = "";
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    child.on("error", reject);
    child.on("close", (exitCode) => resolve({ stdout: stdout.trimEnd(), exitCode }));
  });
  return Object.assign(child, {
    // biome-ignore lint/suspicious/noThenProperty: that is what it is
    then: ended.then.bind(ended),
    catch: ended.catch.bind(ended),
    finally: ended.finally.bind(ended),
    async *[Symbol.asyncIterator]() {
      for (const line of (await ended).stdout.split("\n")) yield line;
    },
  });
}
