import type { FollowUpInbox } from "../../follow-up/inbox.ts";
import { checkInbox, checkScope, checkTerms, type OffloadTerms, type ScopeFor } from "../shared/options.ts";
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
  /**
   * Late results that may interrupt go from here into the turn that is running. Needs a checkpointer. Without
   * an inbox they wait for the dispatcher.
   */
  inbox?: Pick<FollowUpInbox, "claim"> | undefined;
}

/** @throws `invalid_option`, naming the option and its value */
export function checkOffloadOptions(options: OffloadOptions): void {
  checkTerms(options, ["run"], ["inbox"]);
  if (options.scope !== undefined) checkScope(options.scope);
  if (options.inbox !== undefined) checkInbox(options.inbox);
}
