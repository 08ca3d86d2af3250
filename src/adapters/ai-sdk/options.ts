import { needed, option, readOptions, type Table } from "../../core/values/options.ts";
import { metadata, middleware, type OffloadTerms, type ScopeFor, scopeOfCalls } from "../shared/options.ts";
import type { ToolOptionsLike } from "./like.ts";

/** Whose calls they are, or what tells it from the options that a tool's `execute` gets. */
export type ScopeOption = ScopeFor<ToolOptionsLike>;

/** The options of {@link offloadTools}. */
export interface OffloadToolsOptions extends OffloadTerms<ToolOptionsLike, "run" | "stream"> {
  /** Whose calls they are, or what tells it from the options that `execute` gets. The framework has no session. */
  scope: ScopeOption;
}

const OFFLOAD_TOOLS = {
  offload: needed(middleware("run", "stream")),
  scope: needed(scopeOfCalls),
  metadata: option(metadata),
} satisfies Table<OffloadToolsOptions>;

/** @throws `invalid_option`, naming the option and its value */
export function offloadTerms(options: OffloadToolsOptions): OffloadToolsOptions {
  return readOptions(OFFLOAD_TOOLS, options);
}
