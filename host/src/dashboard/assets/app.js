// What every page begins with.
import * as live from "./live.js";
import * as decide from "./decide.js";
import * as panel from "./panel.js";
import * as edit from "./edit.js";
import * as toast from "./toast.js";
import * as queue from "./queue.js";

const two = (number) => String(number).padStart(2, "0");

/// Times in the reader's own zone, written as the server writes them: a page does not move when they change.
/// What was brought anew has the server's again.
function times() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
    const shown = `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
    if (time.firstChild?.nodeType === Node.TEXT_NODE && time.firstChild.data !== shown) time.firstChild.data = shown;
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
