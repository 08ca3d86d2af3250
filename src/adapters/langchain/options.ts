import { needed, option, readOptions, type Table } from "../../core/values/options.ts";
import { metadata, middleware, type OffloadTerms, type ScopeFor, scope } from "../shared/options.ts";
import type { RuntimeLike } from "./like.ts";

/**
 * Whose calls they are, or a function of the run that says so. A scope that has no key `sessionId` gets the
 * run's thread as its session.
 */
export type ScopeOption = ScopeFor<RuntimeLike>;

/** The options of {@link offloadMiddleware}. */
export interface OffloadOptions extends OffloadTerms<RuntimeLike> {
  /**
   * Whose calls they are. Without it the user is `context.userId` of the run, or else `configurable.user_id`,
   * and the session is its thread.
   */
  scope?: ScopeOption | undefined;
}

const OFFLOAD = {
  offload: needed(middleware("run")),
  scope: option(scope),
  metadata: option(metadata),
} satisfies Table<OffloadOptions>;

/** @throws `invalid_option`, naming the option and its value */
export function offloadTerms(options: OffloadOptions): OffloadOptions {
  return readOptions(OFFLOAD, options);
}
