/** What monitors and load balancers ask. */

import type { Health } from "../protocol.ts";
import { type Answer, ok } from "../response.ts";
import type { Visit } from "../route.ts";

export async function readHealth({ tasks }: Visit): Promise<Answer<Health, 200 | 503>> {
  const { accepting } = await tasks.stats();
  if (accepting) return ok({ status: "ok" });
  return { status: 503, body: { status: "closing" }, headers: { "Retry-After": "2" } };
}
