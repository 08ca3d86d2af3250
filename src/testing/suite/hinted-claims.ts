import { expect, test } from "vitest";
import type { ClaimFilter, Settlement } from "../../core/model/session-claim.ts";
import { finishNext, type Lab, LONG_MS } from "./lab.ts";

/** Claims of a session that somebody has heard of, and that nobody has asked for. */
export function hintedClaimSuite(lab: Lab): void {
  const claim = (filter: ClaimFilter = {}) => {
    const session = { userId: "ada", sessionId: "one" };
    return lab.store.claim("me", LONG_MS, { session, onlyDue: true, ...filter });
  };
  const pending = (sessionId = "one") => finishNext(lab, { sessionId });
  const putOff = async (settlement: Settlement) => {
    const record = await pending();
    const answer = await claim();
    if (answer) await lab.store.settle(answer, { [record.id]: settlement });
    return record;
  };

  test("what is due in the session that a hint names is claimed, however long others have waited", async () => {
    await pending("two");
    const { id } = await pending();
    expect(await claim()).toMatchObject({ sessionId: "one", tasks: [{ id }] });
    expect(await claim()).toBeUndefined();
  });

  test.each(["release", "defer"] as const)(
    "a delay holds after a %s: hints burn no attempts",
    async (type) => {
      const { id } = await putOff({ type, delayMs: LONG_MS });
      expect(await claim()).toBeUndefined();
      const asked = await claim({ onlyDue: false });
      expect(asked).toMatchObject({ tasks: [{ id }] });
    },
  );

  test("what was put off comes along with what is due, what has failed does not", async () => {
    const failed = await putOff({ type: "release", delayMs: LONG_MS });
    const busy = await putOff({ type: "defer", delayMs: LONG_MS });
    const fresh = await pending();
    const answer = await claim();
    expect(answer?.tasks.map(({ id }) => id).sort()).toEqual([busy.id, fresh.id].sort());
    expect(answer?.tasks).not.toContainEqual(expect.objectContaining({ id: failed.id }));
  });

  test("the age and the turns hold too", async () => {
    await pending();
    expect(await claim({ minAgeMs: LONG_MS })).toBeUndefined();
    expect(await claim({ maxTurns: 0 })).toBeUndefined();
    expect(await claim({ maxTurns: 1 })).toMatchObject({ sessionId: "one" });
  });
}
