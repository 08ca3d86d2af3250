import { unfinished } from "../matching.ts";
import { offer } from "../offer.ts";
import { type Connection, connection } from "../tasks.ts";
import { isCreating } from "./create-dialog.tsx";

const CONNECTIONS: Record<Connection, string> = {
  loading: "Loading",
  live: "Live",
  polling: "Polling",
  reconnecting: "Reconnecting",
  signed_out: "Signed out",
  error: "Not connected",
};

export function Header() {
  return (
    <header class="bar">
      <h1>
        Background tasks
        {unfinished.value > 0 && (
          <span class="badge">
            {unfinished} <span class="unseen">unfinished</span>
          </span>
        )}
      </h1>
      <span class="connection" data-state={connection.value}>
        <i aria-hidden="true" />
        {CONNECTIONS[connection.value]}
      </span>
      {offer.value.create && (
        <button type="button" class="primary" onClick={() => (isCreating.value = true)}>
          New task
        </button>
      )}
    </header>
  );
}
