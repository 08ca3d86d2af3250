import { expect, test } from "vitest";
import { Places } from "../../../src/core/reading/places.ts";

test("a task that goes on keeps its place, however many come and go meanwhile", () => {
  const places = new Places(new Map());
  const tell = (id: string, seq: number) => {
    places.noteNews(id, 0);
    places.takeNews(id);
    places.told(id, seq);
  };
  for (let turn = 1; turn <= 25; turn += 1) {
    tell("long", turn);
    for (let n = 0; n < 1_000; n += 1) tell(`short ${turn} ${n}`, 3);
  }
  expect(places.toldOf("long")).toBe(25);
  expect(places.toldOf("short 1 0")).toBe(0);
  expect(places.toldOf("short 25 999")).toBe(3);
});
