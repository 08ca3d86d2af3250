import { useSignalEffect } from "@preact/signals";
import { selected } from "../address.ts";
import { announcement } from "../announcing.ts";
import { unfinished } from "../matching.ts";
import { CreateDialog } from "./create-dialog.tsx";
import { Detail } from "./detail.tsx";
import { Header } from "./header.tsx";
import { Listing } from "./listing.tsx";
import { StopDialog } from "./stop-dialog.tsx";

export function App() {
  useSignalEffect(() => {
    document.title = unfinished.value > 0 ? `(${unfinished.value}) Background tasks` : "Background tasks";
  });
  return (
    <div class="page" data-selected={selected.value !== ""}>
      <Header />
      <main class="panes">
        <Listing />
        {selected.value !== "" && <Detail key={selected.value} id={selected.value} />}
      </main>
      <StopDialog />
      <CreateDialog />
      <p class="unseen" role="status">
        {announcement}
      </p>
    </div>
  );
}
