import { BackgroundTaskManager, memoryStore } from "tool-offload";
import { fill, filledId, UNLIMITED, usersOf } from "./fill.ts";
import { nanoseconds, type Row, sideBySide } from "./side-by-side.ts";

/** Reading one user's tasks, in a small store and in a large one. */
export async function reading(): Promise<Row[]> {
  const small = await filled(1_000);
  const large = await filled(1_000_000);
  const cost = await sideBySide(
    { listSmall: small.list, listLarge: large.list, getSmall: small.get, getLarge: large.get },
    { rounds: 15, repeat: 10_000 },
  );
  return [
    row("list of the newest 20, of 1,000,000 tasks against 1,000", cost.listLarge, cost.listSmall),
    row("get, of 1,000,000 tasks against 1,000", cost.getLarge, cost.getSmall),
  ];
}

/** A manager over so many tasks, and one user who reads theirs. */
async function filled(count: number) {
  const store = memoryStore();
  await fill(store, count);
  const tasks = new BackgroundTaskManager({ store, retention: UNLIMITED });
  const users = usersOf(count);
  const own = Math.floor(users / 2);
  const scope = { userId: `u${own}` };
  return {
    list: () => tasks.list(scope, { limit: 20 }),
    get: () => tasks.get(scope, filledId(own)),
  };
}

function row(name: string, large: number, small: number): Row {
  return {
    name,
    detail: `${nanoseconds(large)} against ${nanoseconds(small)}`,
    ratio: large / small,
    limit: 1.5,
  };
}
