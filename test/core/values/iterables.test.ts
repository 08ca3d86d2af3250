import { on } from "node:events";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { expect, test, vi } from "vitest";
import { closeQuietly, isStream } from "../../../src/core/values/iterables.ts";
import { Page, pagePromise, subprocess } from "../../support/iterable-values.ts";
import { until } from "../../support/until.ts";

async function* generator() {
  yield 1;
}

/** What a compiler makes of an async generator for an older language. */
const downLeveled = () => {
  const made = {
    next: async () => ({ done: true, value: undefined }),
    return: async () => ({ done: true, value: undefined }),
    [Symbol.asyncIterator]: () => made,
  };
  return made;
};

/** What clients of APIs make of server-sent events. */
class ClientStream {
  controller = new AbortController();
  [Symbol.asyncIterator] = generator;
  toReadableStream() {
    return Readable.toWeb(Readable.from([]));
  }
}

class Countdown {
  readonly #from = 3;
  async *[Symbol.asyncIterator]() {
    for (let left = this.#from; left > 0; left -= 1) yield left;
  }
}

test.each<[string, () => unknown]>([
  ["an async generator", generator],
  ["one that a compiler has made", downLeveled],
  ["an iterable that is nothing else", () => ({ [Symbol.asyncIterator]: generator })],
  ["one of a class of its own", () => new Countdown()],
  ["a web stream", () => new ReadableStream()],
  ["a stream of Node", () => Readable.from(["text"])],
  ["the lines of one", () => createInterface({ input: Readable.from(["text"]) })],
  ["the events of an emitter", () => on(new EventTarget() as never, "event")],
  ["the output of a child process", () => subprocess("line").stdout],
  ["a stream of an API client", () => new ClientStream()],
])("%s is a stream", (_, make) => {
  expect(isStream(make())).toBe(true);
});

const hostile = {
  get: () => {
    throw new Error("no");
  },
};
const revoked = Proxy.revocable({}, {});
revoked.revoke();

test.each<[string, () => unknown]>([
  ["nothing", () => undefined],
  ["a text", () => "text"],
  ["a list", () => [1, 2]],
  ["a generator", () => [1, 2].values()],
  ["a function that would make one", () => generator],
  ["a page, which is data", () => new Page("one")],
  ["a page without a class", () => ({ data: [1], [Symbol.asyncIterator]: generator })],
  [
    "a page that keeps its data to itself",
    () =>
      new (class {
        readonly #items = [1];
        get data() {
          return this.#items;
        }
        [Symbol.asyncIterator]() {
          return generator();
        }
      })(),
  ],
  [
    "a page that says what it is as JSON",
    () => ({ toJSON: () => ({ data: [] }), [Symbol.asyncIterator]: generator }),
  ],
  ["a promise of a page, which can be iterated", () => pagePromise("one")],
  ["a subprocess that is a promise", () => subprocess("line")],
  ["a promise of a stream", async () => new ReadableStream()],
  ["what throws when it is looked at", () => new Proxy({ [Symbol.asyncIterator]: generator }, hostile)],
  ["a revoked proxy", () => revoked.proxy],
])("%s is none", (_, make) => {
  expect(isStream(make())).toBe(false);
});

test("a stream that nobody will read lets go of what it holds", async () => {
  const node = Readable.from(["text"]);
  closeQuietly(node);
  await until(() => expect(node.destroyed).toBe(true));

  const cancel = vi.fn();
  closeQuietly(new ReadableStream({ cancel }));
  await until(() => expect(cancel).toHaveBeenCalledOnce());

  const finish = vi.fn(async () => ({ done: true, value: undefined }));
  closeQuietly({ [Symbol.asyncIterator]: downLeveled, return: finish } as AsyncIterable<unknown>);
  await until(() => expect(finish).toHaveBeenCalledOnce());
});
