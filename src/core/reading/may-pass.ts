import type { TaskOffloadError } from "../errors.ts";
import { isDamaged } from "../model/store.ts";

/** Whether a store has failed that may answer the next time. */
export function mayPass({ code, cause }: TaskOffloadError): boolean {
  return code === "store_failed" && !isDamaged(cause);
}
