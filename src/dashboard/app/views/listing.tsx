import { shown } from "../matching.ts";
import { connection, hasLoaded, tasks } from "../tasks.ts";
import { FilterBar } from "./filter-bar.tsx";
import { NothingHere, Notice } from "./notices.tsx";
import { TaskList } from "./task-list.tsx";
import { Timeline } from "./timeline.tsx";

export function Listing() {
  const isEmpty = tasks.value.length === 0;
  const isLoading = !hasLoaded.value && !["signed_out", "error"].includes(connection.value);
  return (
    <section class="listing" aria-label="Tasks">
      <Notice />
      {!isEmpty && <FilterBar />}
      {!isEmpty && <Timeline />}
      {shown.value.length > 0 ? <TaskList /> : <NothingHere isLoading={isLoading} />}
    </section>
  );
}
