import type { Damage } from "../../core/model/store.ts";

/** What a store rejects with that was asked for a damaged record, or for a part of it. */
export class DamagedError extends Error {
  readonly damage: Damage;

  constructor(damage: Damage) {
    super(`A record is damaged: ${damage.place}: ${damage.reason}.`);
    this.damage = damage;
  }
}
