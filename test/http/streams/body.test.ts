import { describe, expect, test } from "vitest";
import { StreamBody } from "../../../src/http/streams/body.ts";

const KIB = 1_024;

function chunk(text: string, bytes = text.length): Uint8Array {
  return new TextEncoder().encode(text.padEnd(bytes, "."));
}

function open() {
  const body = new StreamBody();
  const reader = body.stream.getReader();
  const read = async () => {
    const { value } = await reader.read();
    return value && new TextDecoder().decode(value);
  };
  return { body, reader, read };
}

describe("what is written", () => {
  test("waits for its reader, and is given in one piece", async () => {
    const { body, read } = open();
    body.write(chunk("one "));
    body.write(chunk("two"));
    expect(await read()).toBe("one two");
  });

  test("comes to a reader that waits, together with what is written at the same time", async () => {
    const { body, read } = open();
    const reading = read();
    await new Promise((resolve) => setImmediate(resolve));
    body.write(chunk("one "));
    await Promise.resolve();
    body.write(chunk("two"));
    expect(await reading).toBe("one two");
  });

  test("is given in pieces where it is large, and loses nothing", async () => {
    const { body, read } = open();
    const parts = [chunk("a", 100), chunk("b", 200 * KIB), chunk("c", 60 * KIB), chunk("d", 100)];
    for (const part of parts) body.write(part);
    body.finish();
    const pieces: string[] = [];
    for (let piece = await read(); piece !== undefined; piece = await read()) pieces.push(piece);
    expect(pieces.join("")).toBe(parts.map((part) => new TextDecoder().decode(part)).join(""));
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThanOrEqual(64 * KIB);
  });

  test("is the very same bytes for all its readers where it goes alone", async () => {
    const { body, reader } = open();
    const shared = chunk("shared");
    body.write(shared);
    expect((await reader.read()).value).toBe(shared);
  });

  test("after the end goes nowhere", async () => {
    const { body, read } = open();
    body.cut();
    body.write(chunk("late"));
    body.beat();
    body.finish();
    expect(await read()).toBeUndefined();
  });
});

describe("a reader that takes nothing", () => {
  test("is cut as soon as more than a mebibyte waits, which is dropped", async () => {
    const { body, read } = open();
    for (let n = 0; n < 17; n += 1) body.write(chunk("x", 64 * KIB));
    expect(body.over.aborted).toBe(false);
    body.write(chunk("x"));
    expect(body.over.aborted).toBe(true);
    expect(await read()).toBeUndefined();
  });

  test("is cut at the second heartbeat that finds something waiting", () => {
    const { body } = open();
    body.beat();
    expect(body.over.aborted).toBe(false);
    body.beat();
    expect(body.over.aborted).toBe(true);
  });

  test("stays as long as there is nothing to take, and while it takes a little", async () => {
    const { body, read } = open();
    for (let n = 0; n < 5; n += 1) body.write(chunk("x", 64 * KIB));
    for (let n = 0; n < 5; n += 1) {
      body.beat();
      await read();
    }
    body.beat();
    expect(await read()).toBe(":\n\n");
    body.beat();
    expect(body.over.aborted).toBe(false);
  });
});

describe("the end", () => {
  test("comes behind what still waits where it is finished", async () => {
    const { body, read } = open();
    body.write(chunk("last"));
    body.finish();
    expect(body.over.aborted).toBe(false);
    expect([await read(), body.over.aborted, await read()]).toEqual(["last", true, undefined]);
  });

  test("comes to a reader that waits", async () => {
    const { body, read } = open();
    const reading = read();
    body.finish();
    expect(await reading).toBeUndefined();
  });

  test("comes when the reader cancels, also before it has read", async () => {
    const { body, reader } = open();
    body.write(chunk("unread"));
    await reader.cancel();
    expect(body.over.aborted).toBe(true);
    const unread = new StreamBody();
    await unread.stream.cancel();
    expect(unread.over.aborted).toBe(true);
  });
});

describe("room", () => {
  test("is there until 64 KiB wait, and again when they have been taken", async () => {
    const { body, read } = open();
    await body.room();
    for (const letter of "ab") body.write(chunk(letter, 40 * KIB));
    let hasRoom = false;
    const waiting = body.room().then(() => {
      hasRoom = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(hasRoom).toBe(false);
    await read();
    await waiting;
  });

  test("is waited for no longer when it is over", async () => {
    const { body } = open();
    body.write(chunk("x", 70 * KIB));
    const waiting = body.room();
    body.cut();
    await waiting;
    await body.room();
  });
});
