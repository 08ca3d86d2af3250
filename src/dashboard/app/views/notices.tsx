import { filters, NO_FILTERS } from "../address.ts";
import { learnOffer, offer } from "../offer.ts";
import { connection, failure, followTasks, hasOlder, loadOlder, tasks } from "../tasks.ts";
import { isCreating } from "./create-dialog.tsx";

/** What is in the way of news, if anything is. What was told before stays to be seen. */
export function Notice() {
  const state = connection.value;
  if (state === "reconnecting") {
    return (
      <p class="notice" role="status">
        The server cannot be reached. Trying again; this is how things stood.
      </p>
    );
  }
  if (state === "signed_out") {
    return (
      <div class="notice" role="alert">
        <p>You are signed out. Sign in again, and this page goes on where it was.</p>
        <TryAgain />
      </div>
    );
  }
  if (state === "error") {
    return (
      <div class="notice" role="alert">
        <p>The tasks cannot be shown: {failure}</p>
        <TryAgain />
      </div>
    );
  }
  return null;
}

function TryAgain() {
  const tryAgain = () => {
    void followTasks();
    void learnOffer();
  };
  return (
    <button type="button" onClick={tryAgain}>
      Try again
    </button>
  );
}

export function NothingHere({ isLoading }: { isLoading: boolean }) {
  if (isLoading) return <Loading />;
  if (tasks.value.length > 0) return <NothingMatches />;
  if (connection.value === "signed_out" || connection.value === "error") return null;
  return (
    <div class="nothing">
      <svg viewBox="0 0 48 48" width="48" height="48" aria-hidden="true">
        <circle cx="24" cy="24" r="20" />
        <path d="M24 12v12l8 6" />
      </svg>
      <h2>No tasks yet</h2>
      <p>When a tool call takes long, it goes on in the background, and appears here.</p>
      {offer.value.create && (
        <button type="button" onClick={() => (isCreating.value = true)}>
          New task
        </button>
      )}
    </div>
  );
}

function NothingMatches() {
  return (
    <div class="nothing">
      <h2>No task matches</h2>
      <p>None of the {tasks.value.length} tasks that are loaded.</p>
      <button type="button" onClick={() => (filters.value = NO_FILTERS)}>
        Clear filters
      </button>
      {hasOlder.value && (
        <button type="button" onClick={() => void loadOlder()}>
          Load older tasks
        </button>
      )}
    </div>
  );
}

function Loading() {
  return (
    <div class="loading">
      <p class="unseen">Loading the tasks</p>
      {[0, 1, 2, 3].map((row) => (
        <div key={row} class="ghost" aria-hidden="true" />
      ))}
    </div>
  );
}
