// What every page begins with.
import * as live from "./live.js";
import * as decide from "./decide.js";
import * as panel from "./panel.js";
import * as edit from "./edit.js";
import * as toast from "./toast.js";
import * as queue from "./queue.js";

/// Times in the reader's own zone.
function times() {
  const shown = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "short" });
  for (const time of document.querySelectorAll("time[datetime]:not([data-own])")) {
    time.textContent = shown.format(new Date(time.dateTime));
    time.dataset.own = "";
  }
}

live.listen((kind, data) => {
  if (kind === "brought") times();
  if (kind === "approval_required") {
    const told = document.getElementById("told");
    told.textContent = data.pending === 1 ? "One call waits for a decision." : `${data.pending} calls wait for a decision.`;
  }
});
times();
for (const part of [decide, edit, panel, toast, queue]) part.start();
live.start();
