import type { TaskStore } from "tool-offload";
import { filledId, LEASE_MS, usersOf } from "../fill.ts";
import { nanoseconds, type Row, sideBySide } from "../side-by-side.ts";
import { live, manyAtOnce } from "./work.ts";

export const FEW = 1_000;
export const MANY = 1_000_000;

/** Finished tasks whose follow-ups wait. */
export async function fillStore(store: TaskStore, count: number): Promise<void> {
  const users = usersOf(count);
  await manyAtOnce(count, (index) => live(store, filledId(index), `u${index % users}`));
}

/** What is asked of a store in the one user's name, and over all of them. */
export function questionsTo(store: TaskStore, count: number) {
  const own = Math.floor(usersOf(count) / 2);
  const scope = { userId: `u${own}` };
  return {
    list: () => store.list(scope, { limit: 20 }),
    get: () => store.get(scope, filledId(own)),
    lapsed: () => store.lapsed(20),
    claim: async () => {
      const claim = await store.claim("bench", LEASE_MS, { maxTurns: 5 });
      if (claim) await store.settle(claim, {});
    },
  };
}

/** How the cost of each question grows from few tasks to many. */
export async function growth(name: string, few: TaskStore, many: TaskStore): Promise<Row[]> {
  const [small, large] = [questionsTo(few, FEW), questionsTo(many, MANY)];
  const cost = await sideBySide(
    {
      listSmall: small.list,
      listLarge: large.list,
      getSmall: small.get,
      getLarge: large.get,
      claimSmall: small.claim,
      claimLarge: large.claim,
      lapsedSmall: small.lapsed,
      lapsedLarge: large.lapsed,
    },
    { rounds: 15, repeat: 100 },
  );
  const row = (what: string, onMany: number, onFew: number, limit = 1.5): Row => ({
    name: `${name}: ${what}, of 1,000,000 tasks against 1,000`,
    detail: `${nanoseconds(onMany)} against ${nanoseconds(onFew)}`,
    ratio: onMany / onFew,
    limit,
  });
  return [
    row("list of the newest 20", cost.listLarge, cost.listSmall),
    row("get", cost.getLarge, cost.getSmall),
    row("claim of the oldest, and its end", cost.claimLarge, cost.claimSmall, Number.NaN),
    row("lapsed", cost.lapsedLarge, cost.lapsedSmall),
  ];
}
