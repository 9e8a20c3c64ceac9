// The panel that runs a role in place: the form is sent without leaving the page, and the run appears below it.
import { follow, refresh } from "./live.js";

function say(form, message) {
  let problem = form.querySelector("[data-problem]");
  if (!problem) {
    problem = document.createElement("p");
    problem.className = "problem";
    problem.dataset.problem = "";
    problem.setAttribute("role", "alert");
    form.append(problem);
  }
  problem.textContent = message;
  problem.hidden = !message;
}

async function begin(form) {
  const panel = document.querySelector("[data-panel]");
  const button = form.querySelector("button");
  button.disabled = true;
  say(form, "");
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      headers: { accept: "application/json", "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams(new FormData(form)).toString(),
    });
    const said = await answer.json();
    if (!answer.ok) {
      say(form, said.error.message);
      return;
    }
    panel.dataset.panel = said.run_id;
    panel.dataset.live = `/runs/${encodeURIComponent(said.run_id)}/panel`;
    // Whoever reloads the page, or comes back to it, sees the run again.
    history.replaceState(null, "", `${location.pathname}?run=${encodeURIComponent(said.run_id)}`);
    follow();
    await refresh();
  } catch {
    say(form, "The server cannot be reached, or gave no answer; look among the runs before you try again.");
  } finally {
    button.disabled = false;
  }
}

export function start() {
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-start]");
    if (!form) return;
    event.preventDefault();
    begin(form);
  });
}
