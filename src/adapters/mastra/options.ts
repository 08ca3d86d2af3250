import { checkScope, checkTerms, type OffloadTerms, type ScopeFor } from "../shared/options.ts";
import type { ToolContextLike } from "./like.ts";

/**
 * Whose calls they are, or what tells it from the context that a tool's `execute` gets. Without it the run's
 * memory says so: the user is its resource, the session its thread.
 */
export type ScopeOption = ScopeFor<ToolContextLike>;

/** The options of {@link offloadTools}. */
export interface OffloadToolsOptions extends OffloadTerms<ToolContextLike> {
  /** Whose calls they are. Without it: user = resource, session = thread of the run. */
  scope?: ScopeOption | undefined;
}

/** @throws `invalid_option`, naming the option and its value */
export function checkOffloadOptions(options: OffloadToolsOptions): void {
  checkTerms(options, ["run"]);
  if (options.scope !== undefined) checkScope(options.scope);
}
