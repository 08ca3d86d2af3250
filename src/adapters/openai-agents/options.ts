import { checkScope, checkTerms, type OffloadTerms, type ScopeFor } from "../shared/options.ts";

/** The options of {@link offloadTools} and {@link offloadingTool}. */
export interface OffloadToolsOptions<Context = unknown> extends OffloadTerms<Context> {
  /** Whose calls they are, or what tells it from the `context` that was given to `run`. */
  scope: ScopeFor<Context>;
}

/** The same, of whatever context. @throws `invalid_option`, naming the option and its value */
export function checkedOptions<Context>(options: OffloadToolsOptions<Context>): OffloadToolsOptions {
  checkTerms(options, ["run"]);
  checkScope(options.scope);
  return options as OffloadToolsOptions;
}
