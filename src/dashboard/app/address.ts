/** What is filtered and selected stands in the address: it survives a reload, and can be sent to somebody. */
import { effect, signal } from "@preact/signals";

export interface Filters {
  search: string;
  /** None stands for all. */
  statuses: readonly string[];
  tool: string;
  session: string;
}

export const NO_FILTERS: Filters = { search: "", statuses: [], tool: "", session: "" };

export const filters = signal<Filters>(NO_FILTERS);
/** The id of the task that is looked at. */
export const selected = signal<string>("");

export function setFilter(change: Partial<Filters>): void {
  filters.value = { ...filters.value, ...change };
}

/** A selection is a step that can be gone back; what is typed into a filter is none. */
export function select(id: string): void {
  if (id === selected.value) return;
  history.pushState(null, "", addressOf(filters.value, id));
  selected.value = id;
}

export function keepAddress(): void {
  readAddress();
  addEventListener("popstate", readAddress);
  effect(() => {
    const address = addressOf(filters.value, selected.value);
    if (address !== addressOf(...parsed())) history.replaceState(null, "", address);
  });
}

export function addressOf({ search, statuses, tool, session }: Filters, id: string): string {
  const given = { q: search, status: statuses.join(","), tool, session, task: id };
  const query = new URLSearchParams(Object.entries(given).filter(([, value]) => value !== ""));
  return query.size === 0 ? location.pathname : `?${query}`;
}

function readAddress(): void {
  [filters.value, selected.value] = parsed();
}

function parsed(): [Filters, string] {
  const query = new URLSearchParams(location.search);
  const get = (name: string) => query.get(name) ?? "";
  const statuses = get("status").split(",").filter(Boolean);
  return [{ search: get("q"), statuses, tool: get("tool"), session: get("session") }, get("task")];
}
