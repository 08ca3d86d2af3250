import type { ReadonlySignal } from "@preact/signals";
import { filters, NO_FILTERS, setFilter } from "../address.ts";
import { cleanText } from "../clean-text.ts";
import { counts, sessionIds, stoppable, toolNames } from "../matching.ts";
import { offer } from "../offer.ts";
import { STATUS_NAMES, statusName } from "../statuses.ts";
import { toStop } from "../stopping.ts";

export function FilterBar() {
  const { search } = filters.value;
  return (
    <search class="filters">
      <div class="fields">
        <input
          type="search"
          aria-label="Search"
          placeholder="Search name, summary, id, error, metadata"
          value={search}
          onInput={({ currentTarget }) => setFilter({ search: currentTarget.value })}
        />
        <Choice of="tool" label="Tool" all="All tools" names={toolNames} />
        <Choice of="session" label="Session" all="All sessions" names={sessionIds} />
      </div>
      <div class="statuses">
        <StatusButtons />
        <span class="space" />
        {isAnySet() && (
          <button type="button" class="quiet" onClick={() => setFilter(NO_FILTERS)}>
            Clear filters
          </button>
        )}
        {offer.value.cancel && stoppable.value.length > 1 && (
          <button type="button" class="quiet danger" onClick={() => (toStop.value = stoppable.value)}>
            Stop all {stoppable.value.length}
          </button>
        )}
      </div>
    </search>
  );
}

function isAnySet(): boolean {
  const { search, statuses, tool, session } = filters.value;
  return search !== "" || statuses.length > 0 || tool !== "" || session !== "";
}

/** Nothing to choose from where there is one only. It is drawn anew with its names, not with each state of a task. */
function Choice(props: {
  of: "tool" | "session";
  label: string;
  all: string;
  names: ReadonlySignal<readonly string[]>;
}) {
  const { of, label, all } = props;
  const names = props.names.value;
  const chosen = filters.value[of];
  if (names.length < 2 && chosen === "") return null;
  const offered = chosen === "" || names.includes(chosen) ? names : [chosen, ...names];
  return (
    <select
      aria-label={label}
      value={chosen}
      onChange={({ currentTarget }) => setFilter({ [of]: currentTarget.value })}
    >
      <option value="">{all}</option>
      {offered.map((name) => (
        <option key={name} value={name}>
          {cleanText(name)}
        </option>
      ))}
    </select>
  );
}

function StatusButtons() {
  const chosen = filters.value.statuses;
  const known = Object.keys(STATUS_NAMES);
  const all = [...known, ...[...counts.value.keys()].filter((status) => !known.includes(status))];
  const toggle = (status: string) => {
    const rest = chosen.filter((other) => other !== status);
    setFilter({ statuses: rest.length < chosen.length ? rest : [...chosen, status] });
  };
  return (
    <>
      {all
        .filter((status) => counts.value.has(status) || chosen.includes(status))
        .map((status) => (
          <button
            key={status}
            type="button"
            class="chip"
            data-status={status}
            aria-pressed={chosen.includes(status)}
            onClick={() => toggle(status)}
          >
            <i aria-hidden="true" />
            {statusName(status)} <b>{counts.value.get(status) ?? 0}</b>
          </button>
        ))}
    </>
  );
}
