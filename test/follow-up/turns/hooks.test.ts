import { beforeEach, describe, expect, test } from "vitest";
import type { TaskStore } from "../../../src/index.ts";
import { upTo } from "../../../src/testing/suite/lab.ts";
import { ADA, gate, inFakeTime, pass, soon } from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";
import { complete, followUpOf, idsOf, inboxOf } from "../processes.ts";
import { around, begun } from "./lab.ts";

inFakeTime();

describe.each(STORES)("rule 20: hooks that know only a session find its turn, on $name", ({ makeStore }) => {
  let store: TaskStore;
  beforeEach(() => {
    store = makeStore();
  });

  test("a claim is taken into the turn that runs, and settles a part of it", async () => {
    const process = around(store)();
    const { claim, mustClaim } = inboxOf(process.tasks);
    const { turn, end, result } = await begun(process);
    expect(await claim("turn")).toBeUndefined();
    const { id } = await complete(process.tasks, { followUp: "interrupt" });
    const claimed = await mustClaim("turn");
    expect([idsOf(claimed), claimed.scope]).toEqual([[id], ADA]);
    expect(await soon(claimed.acknowledge())).toBe(true);
    expect(await followUpOf(process, id)).toMatchObject({ status: "delivered", attempts: 0 });
    expect(turn.signal.aborted).toBe(false);
    end.reject(new Error("no"));
    await soon(result).catch(() => undefined);
    await pass(20);
    expect(await followUpOf(process, id)).toMatchObject({ status: "delivered" });
  });

  test("what the turn began with and nobody has looked at is theirs", async () => {
    const process = around(store)();
    const { mustClaim, claim } = inboxOf(process.tasks);
    const { id } = await complete(process.tasks);
    const over = gate();
    const result = process.dispatcher.turn(ADA, () => over.promise);
    await pass(20);
    const claimed = await mustClaim("idle");
    expect(idsOf(claimed)).toEqual([id]);
    expect(await claim("idle")).toBeUndefined();
    expect(await soon(claimed.acknowledge())).toBe(true);
    over.resolve("said");
    await soon(result);
    expect(await followUpOf(process, id)).toMatchObject({ status: "delivered" });
  });

  test("what is taken in as the turn ends, and handed to nobody, comes again", async () => {
    const asks = ["a hook", "the turn"] as const;
    for (const [steps, asked] of upTo(40).flatMap((steps) => asks.map((one) => [steps, one] as const))) {
      const process = around(makeStore())();
      const { inbox } = inboxOf(process.tasks);
      const { turn, end, result } = await begun(process);
      const { id } = await complete(process.tasks, { followUp: "interrupt" });
      const taking = asked === "a hook" ? inbox.claim(ADA, { during: "turn" }) : turn.interrupts();
      for (let step = 0; step < steps; step += 1) await Promise.resolve();
      end.resolve("said");
      const isTold = (await soon(taking)) !== undefined;
      await soon(result);
      await pass(20);
      const { status } = await followUpOf(process, id);
      expect([steps, asked, isTold, status]).toEqual([steps, asked, isTold, isTold ? status : "pending"]);
    }
  });

  test("what they release counts as a failure of the turn, and comes again", async () => {
    const process = around(store)();
    const { mustClaim } = inboxOf(process.tasks);
    const { end } = await begun(process);
    const { id } = await complete(process.tasks, { followUp: "interrupt" });
    const claimed = await mustClaim("turn");
    expect(await soon(claimed.release())).toBe(true);
    expect(await followUpOf(process, id)).toMatchObject({ status: "pending", attempts: 0 });
    end.resolve("said");
    await pass(20);
    expect(idsOf(await mustClaim("idle"))).toEqual([id]);
  });

  test("more is taken in beside, and each part is settled by itself; the claim tells whose turn it is", async () => {
    const process = around(store)();
    const { mustClaim } = inboxOf(process.tasks);
    const { turn, end } = await begun(process);
    const first = await complete(process.tasks, { followUp: "interrupt" });
    const claimed = await mustClaim("turn");
    expect(claimed.turn).toBe(turn);
    const second = await complete(process.tasks, { followUp: "interrupt" });
    expect((await soon(claimed.interrupts()))?.followUps).toMatchObject([{ id: second.id }]);
    expect(await soon(claimed.interrupts())).toBeUndefined();
    expect(await soon(claimed.acknowledge(claimed.followUps))).toBe(true);
    expect(await followUpOf(process, first.id)).toMatchObject({ status: "delivered" });
    expect(await followUpOf(process, second.id)).toMatchObject({ status: "claimed" });
    end.resolve("said");
    await pass(20);
    // Nobody has said that it was kept.
    expect(await followUpOf(process, second.id)).toMatchObject({ status: "pending", attempts: 0 });
    expect(await soon(claimed.acknowledge())).toBe(false);
  });

  test("where there is no turn a claim is one as ever", async () => {
    const process = around(store)();
    const { mustClaim } = inboxOf(process.tasks);
    const { id } = await complete(process.tasks);
    const claimed = await mustClaim("idle");
    expect([idsOf(claimed), claimed.turn]).toEqual([[id], undefined]);
    await soon(claimed.acknowledge());
    expect(await followUpOf(process, id)).toMatchObject({ status: "delivered", attempts: 1 });
  });
});
