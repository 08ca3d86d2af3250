import { basics } from "./basics.ts";
import { change } from "./change.ts";
import { claims } from "./claims.ts";
import { evicting } from "./evicting.ts";
import { expiring } from "./expiring.ts";
import { insert } from "./insert.ts";
import { leases } from "./leases.ts";
import { settling } from "./settling.ts";
import { sweeping } from "./sweeping.ts";
import { tables } from "./tables.ts";

/** Version 1, as 0.1.0 has it. It never changes: what is to be otherwise is a migration. */
export function version1(schema: string): string {
  const sections = [tables, basics, insert, change, leases, claims, settling, expiring, evicting, sweeping];
  return sections.map((section) => section(schema)).join("\n");
}
