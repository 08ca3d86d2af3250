import type { TaskStore } from "../../src/core/model/store.ts";
import { isFinished, type TaskRecord } from "../../src/core/model/task.ts";
import { doublesIn, overlapsIn, timesTold } from "./deliveries.ts";
import { type Line, linesOf, linesWith } from "./journal.ts";
import { isLoad, type Load } from "./load.ts";
import { pausesOf } from "./pauses.ts";
import type { Worker } from "./processes.ts";
import { turnsIn } from "./turns.ts";

/** What became of the tasks of one round. */
export interface Report {
  tasks: number;
  turns: number;
  /** Turns whose slow call stayed in the foreground. */
  kept: number;
  /** Ended as `lost`: their process was gone. */
  lost: number;
  /** Follow-ups in more than one delivery that came to its end. */
  redelivered: number;
  /** Whose record somebody has damaged. No part of the tasks are those that no process could write anew. */
  damaged: number;
  /** What was going on whenever the store was hit. */
  loads: Load[];
  /** Everything here must be 0. */
  faults: {
    /** Rounds in which there was no task at all. */
    empty: number;
    /** Tasks that were started and are not there. */
    missing: number;
    unfinished: number;
    withoutResult: number;
    /** Logs with a gap, or with another number of ends than one. */
    brokenLogs: number;
    /** Follow-ups that are not delivered, the caller having had the value neither. */
    undelivered: number;
    /** Follow-ups that are acknowledged and stand in no delivery. */
    unseen: number;
    /** Deliveries of one session that ran at the same time. */
    overlapping: number;
    /** Those of them that ran in one process, which may happen whatever held it up. */
    doubled: number;
    /** Turns that rejected, gave a wrong value, came late, or never ended. */
    failedTurns: number;
    /** Placeholders without a task whose follow-up was delivered. */
    brokenPromises: number;
    /** Follow-ups that were delivered though the turn had had the value, and no lease had lapsed. */
    toldInVain: number;
    /** Tasks that were given up for lost though no lease had lapsed. */
    givenUp: number;
    /** Times the store was hit while nothing went on. */
    idleHits: number;
    /** Damaged records that no process was told of, or several were. */
    untoldDamages: number;
    /** Records that are said to be damaged, and are not. */
    inventedDamages: number;
    /** Watches that have ended though nobody has ended them. */
    endedWatches: number;
    /** Processes that ended by themselves, or did not end when they were told to. */
    faultyWorkers: number;
  };
}

/** What a round has seen happen. */
export interface Events {
  journal: string;
  workers: readonly Worker[];
  /** What was going on whenever the store was hit. */
  loads: Load[];
  /** Milliseconds of a task's lease. */
  leaseMs: number;
  /** Whether one may have lapsed by what was done. */
  mayLapse: boolean;
  damaged: readonly TaskRecord[];
}

const ENDS = ["task.completed", "task.failed", "task.cancelled"];

/** Every task of these users. */
export async function recordsOf(store: TaskStore, users: number): Promise<TaskRecord[]> {
  const pages = await Promise.all(
    Array.from({ length: users }, (_, user) => store.list({ userId: `u${user}` }, { limit: 10_000 })),
  );
  return pages.flatMap(({ records }) => records);
}

export function isOver({ status, followUp }: TaskRecord): boolean {
  return isFinished(status) && followUp.status !== "pending" && followUp.status !== "claimed";
}

export async function judge(store: TaskStore, users: number, events: Events): Promise<Report> {
  const { workers, loads, damaged } = events;
  const records = await recordsOf(store, users);
  const lines = linesOf(events.journal);
  const begun = timesTold(lines, "delivery.begun");
  const ended = timesTold(lines, "delivery.ended");
  const pauses = pausesOf(lines, workers);
  // On a busy machine a process may get no turn for as long as that.
  const mayLapse = events.mayLapse || pauses.some(({ from, to }) => to - from > events.leaseMs / 2);
  const turns = turnsIn(lines, pauses);
  const count = (isSo: (record: TaskRecord) => boolean) => records.filter(isSo).length;
  // What was damaged while it ran is written anew, and its log goes on with that.
  const untouched = records.filter(({ id }) => !damaged.some((record) => record.id === id));
  const logs = await Promise.all(untouched.map((record) => isLogWhole(store, record)));
  const results = await Promise.all(records.map((record) => hasResult(store, record)));
  const lost = count(({ error }) => error?.code === "lost");
  const delivered = records.filter(({ followUp }) => followUp.status === "delivered");
  return {
    tasks: records.length,
    turns: turns.taken,
    kept: turns.kept,
    lost,
    redelivered: [...ended.values()].filter((times) => times > 1).length,
    damaged: damaged.length,
    loads,
    faults: {
      empty: records.length === 0 ? 1 : 0,
      missing: missingOf(lines, [...records, ...damaged]),
      unfinished: count(({ status }) => !isFinished(status)),
      withoutResult: results.filter((has) => !has).length,
      brokenLogs: logs.filter((isWhole) => !isWhole).length,
      undelivered: count((record) => !isSettled(record)),
      unseen: delivered.filter(({ id }) => !begun.has(id)).length,
      overlapping: overlapsIn(lines, pauses),
      doubled: doublesIn(lines),
      failedTurns: turns.failed,
      brokenPromises: without(turns.promised, [...delivered, ...damaged]),
      toldInVain: mayLapse ? 0 : delivered.filter(({ toolCallId }) => turns.answered.has(toolCallId)).length,
      givenUp: mayLapse ? 0 : lost,
      idleHits: loads.filter((load) => !isLoad(load)).length,
      ...damagesIn(lines, damaged),
      endedWatches: linesWith(lines, "watch.ended").length,
      faultyWorkers: workers.filter(({ isFaulty }) => isFaulty).length,
    },
  };
}

/** Tasks that were started and are not there. */
export function missingOf(lines: readonly Line[], records: readonly TaskRecord[]): number {
  const found = new Set(records.map(({ id }) => id));
  return linesWith(lines, "task.started").filter(({ id }) => !found.has(id)).length;
}

function damagesIn(lines: readonly Line[], damaged: readonly TaskRecord[]) {
  const told = linesWith(lines, "record.damaged");
  const timesTold = (id: string) => told.filter((line) => line.id === id).length;
  const known = new Set<string | null>(damaged.map(({ id }) => id));
  return {
    untoldDamages: [...known].filter((id) => id === null || timesTold(id) !== 1).length,
    inventedDamages: told.filter(({ id }) => !known.has(id)).length,
  };
}

/** Somebody was told how it ended: in a delivery, or in the foreground. */
function isSettled({ followUp: { status, reason } }: TaskRecord): boolean {
  return status === "delivered" || (status === "dropped" && reason === "returned");
}

function without(calls: ReadonlySet<string>, records: readonly TaskRecord[]): number {
  const found = new Set(records.map(({ toolCallId }) => toolCallId));
  return [...calls].filter((call) => !found.has(call)).length;
}

async function isLogWhole(store: TaskStore, record: TaskRecord): Promise<boolean> {
  const page = await store.events({ userId: record.userId }, record.id, { after: 0, limit: 1_000 });
  const events = page?.events ?? [];
  const isGapless = events.every(({ seq }, index) => seq === index + 1);
  const ends = events.filter(({ type }) => ENDS.includes(type));
  return isGapless && events.length === record.lastSeq && ends.length === 1;
}

async function hasResult(store: TaskStore, { userId, id, status }: TaskRecord): Promise<boolean> {
  return status !== "completed" || (await store.result({ userId }, id)) !== undefined;
}
