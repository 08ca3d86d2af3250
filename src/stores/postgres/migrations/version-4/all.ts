import { change } from "./change.ts";
import { claims } from "./claims.ts";
import { columns } from "./columns.ts";
import { forgetting } from "./forgetting.ts";
import { holds } from "./holds.ts";
import { insert } from "./insert.ts";
import { leases } from "./leases.ts";
import { logs } from "./logs.ts";
import { settling } from "./settling.ts";

/** Sessions are held whether or not anything waits there; records that cannot be read are set aside. */
export function version4(schema: string): string {
  const sections = [columns, logs, insert, change, leases, claims, holds, settling, forgetting];
  return sections.map((section) => section(schema)).join("\n");
}
