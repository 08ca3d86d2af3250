/** The timeline as numbers: which tasks ran when, side by side in as few lanes as they need. */
import type { TaskInfo } from "../../client/index.ts";
import { durationText } from "./times.ts";

export const LANE_PX = 10;
/** The width of the strip in its own units. */
const WIDTH = 1_000;
const MOST_LANES = 8;
/** A bar that nobody could see or hit is drawn wider. */
const LEAST_WIDTH = 4;
const NEWEST = 60;
const SPANS_MS = [60_000, 300_000, 900_000, 3_600_000, 21_600_000, 86_400_000, 604_800_000];

export interface Bar {
  task: TaskInfo;
  x: number;
  width: number;
  lane: number;
}

export interface Strip {
  bars: readonly Bar[];
  lanes: number;
  spanName: string;
  /** How many ran at the same time, at most. */
  most: number;
  running: number;
}

export function strip(newestFirst: readonly TaskInfo[], at: number): Strip {
  const spanMs = spanFor(newestFirst.slice(0, NEWEST), at);
  const from = at - spanMs;
  const seen = newestFirst.filter((task) => endOf(task, at) >= from).reverse();
  const free: number[] = [];
  const bars: Bar[] = [];
  for (const task of seen) {
    const x = Math.max(0, ((beginningOf(task) - from) / spanMs) * WIDTH);
    const end = Math.min(WIDTH, ((endOf(task, at) - from) / spanMs) * WIDTH);
    const begin = Math.min(x, WIDTH - LEAST_WIDTH);
    const width = Math.max(LEAST_WIDTH, end - begin);
    const lane = laneFrom(free, begin);
    free[lane] = begin + width;
    if (lane < MOST_LANES) bars.push({ task, x: begin, width, lane });
  }
  return {
    bars,
    lanes: Math.min(MOST_LANES, Math.max(1, free.length)),
    spanName: durationText(spanMs),
    most: free.length,
    running: seen.filter(({ completedAt }) => completedAt === null).length,
  };
}

function spanFor(tasks: readonly TaskInfo[], at: number): number {
  const oldest = tasks.reduce((least, task) => Math.min(least, beginningOf(task)), at);
  return SPANS_MS.find((span) => span >= at - oldest) ?? SPANS_MS[SPANS_MS.length - 1] ?? 0;
}

function laneFrom(free: readonly number[], begin: number): number {
  const lane = free.findIndex((end) => end <= begin);
  return lane === -1 ? free.length : lane;
}

function beginningOf({ startedAt, createdAt }: TaskInfo): number {
  return startedAt ?? createdAt;
}

function endOf({ completedAt }: TaskInfo, at: number): number {
  return completedAt ?? at;
}
