import { checkScope, checkTerms, type OffloadTerms, type ScopeFor } from "../shared/options.ts";
import type { ToolOptionsLike } from "./like.ts";

/** Whose calls they are, or what tells it from the options that a tool's `execute` gets. */
export type ScopeOption = ScopeFor<ToolOptionsLike>;

/** The options of {@link offloadTools}. */
export interface OffloadToolsOptions extends OffloadTerms<ToolOptionsLike, "run" | "stream"> {
  /** Whose calls they are, or what tells it from the options that `execute` gets. The framework has no session. */
  scope: ScopeOption;
}

/** @throws `invalid_option`, naming the option and its value */
export function checkOffloadOptions(options: OffloadToolsOptions): void {
  checkTerms(options, ["run", "stream"]);
  checkScope(options.scope);
}
