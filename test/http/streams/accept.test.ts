import { expect, test } from "vitest";
import { wantsStream } from "../../../src/http/streams/accept.ts";

test.each([
  ["text/event-stream", true],
  ["TEXT/Event-Stream", true],
  ["text/event-stream, */*", true],
  ["application/json, text/event-stream", true],
  ["text/event-stream;q=0.5, application/json;q=0.2", true],
  ["text/event-stream; charset=utf-8; q=0.5", true],
  ["text/event-stream;q=0.5, application/json", false],
  ["text/event-stream;q=0", false],
  ["text/event-stream;q=nonsense", false],
  ["application/json", false],
  ["text/*", false],
  ["*/*", false],
  ["", false],
])("accepting %j means a stream: %j", (accept, isWanted) => {
  expect(wantsStream(new Request("http://localhost", { headers: { Accept: accept } }))).toBe(isWanted);
});
