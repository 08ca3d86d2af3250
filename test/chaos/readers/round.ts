import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../support/free-port.ts";
import { Worker } from "../processes.ts";
import { seeded } from "../random.ts";
import { READERS_SERVER } from "../scripts.ts";
import { open, type Place } from "../stores.ts";
import { untilNone, untilTrue } from "../waiting.ts";
import { Reader } from "./reader.ts";
import { type ServerOptions, USER } from "./server-options.ts";

/** What becomes of the server that is read from. */
export interface Storm {
  /** How often it is killed, and another takes its place. */
  kills: number;
  share?: number;
}

export interface StormReport {
  readers: number;
  cuts: number;
  events: number;
  kills: number;
  loads: [];
  faults: { inexact: number; cutShort: number };
}

const READERS = 200;
const CUTS = 20;
/** Less is no log that anything was cut from. */
const LEAST_EVENTS = 10;
const TALK = { tasks: 10, lines: 100, everyMs: 100 };

/** Two hundred readers follow ten tasks of one process through another one, which is killed while they do. */
export async function stormRound(place: Place, seed: number, { kills }: Storm): Promise<StormReport> {
  const random = seeded(seed);
  const { store, close } = open(place);
  const port = await freePort();
  const teller = serverOf({ ...TALK, place, port: 0 });
  const quiet = { ...TALK, place, port, tasks: 0 };
  let server = serverOf(quiet);
  try {
    await Promise.all([teller.ready, server.ready]);
    await untilTrue(async () => (await tasksIn()).length === TALK.tasks, 50);
    const ids = (await tasksIn()).map(({ id }) => id);
    const readers = Array.from({ length: READERS }, (_, n) => {
      return new Reader({ port, id: ids[n % ids.length] ?? "" }, seeded(seed * READERS + n));
    });
    for (const reader of readers) void reader.read(CUTS);
    for (let times = 0; times < kills; times += 1) {
      await sleep(1_000 + random() * 2_000);
      await server.kill();
      server = serverOf(quiet);
    }
    await untilNone(async () => left(readers), 100);
    const last = new Map((await tasksIn()).map(({ id, lastSeq }) => [id, lastSeq]));
    const judged = readers.map((reader, n) => verdictOf(reader, last.get(ids[n % ids.length] ?? "") ?? 0));
    return {
      readers: readers.length,
      cuts: sum(readers.map(({ cuts }) => cuts)),
      events: sum(readers.map(({ heard }) => heard.length)),
      kills,
      loads: [],
      faults: {
        inexact: judged.filter((verdict) => verdict === "inexact").length,
        cutShort: judged.filter((verdict) => verdict === "cutShort").length,
      },
    };
  } finally {
    await Promise.all([teller.kill(), server.kill()]);
    await close();
  }

  async function tasksIn() {
    const { records } = await store.list({ userId: USER }, { limit: 500 });
    return records;
  }
}

/** Less with each event that is heard, and nothing once all have come to the end. */
function left(readers: readonly Reader[]): number {
  const heard = sum(readers.map((reader) => reader.heard.length));
  return readers.every(({ isDone }) => isDone) ? 0 : Number.MAX_SAFE_INTEGER - heard;
}

/** Each event once and in order; the log is shorter than what a store keeps of it. */
function verdictOf({ heard, truncated }: Reader, lastSeq: number): "exact" | "inexact" | "cutShort" {
  if (truncated > 0 || heard.some((seq, index) => seq !== index + 1)) return "inexact";
  return heard.length === lastSeq && lastSeq > LEAST_EVENTS ? "exact" : "cutShort";
}

function serverOf(options: ServerOptions): Worker {
  return new Worker(READERS_SERVER, options);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, number) => all + number, 0);
}
