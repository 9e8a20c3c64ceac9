// Keeps the page up to date: the server says that something changed, and each part with `data-live` is asked
// for again and put in place. The same every twenty seconds, where no event comes through.
import { morph, nodes } from "./morph.js";

const POLL = 20000;
const listeners = new Set();
let source = null;
let again = null;
let asking = false;
let leaving = false;

/// Calls `listener` with each event: its kind and its data.
export function listen(listener) {
  listeners.add(listener);
}

function tell(kind, data) {
  for (const listener of listeners) listener(kind, data);
}

function badge(count) {
  for (const badge of document.querySelectorAll("[data-badge]")) {
    badge.hidden = count === 0;
    badge.querySelector("[data-count]").textContent = String(count);
  }
}

/// Asks for every part of the page again that may have changed.
export async function refresh() {
  if (asking) {
    again = again || setTimeout(() => { again = null; refresh(); }, 100);
    return;
  }
  asking = true;
  try {
    for (const part of document.querySelectorAll("[data-live]")) await bring(part);
  } finally {
    asking = false;
  }
}

/// Goes to sign in, once: a second time would break off the first.
function leave() {
  if (leaving) return;
  leaving = true;
  location.assign("/sign-in?next=" + encodeURIComponent(location.pathname + location.search));
}

/// The calls that a part of the page shows, by run: what was decided meanwhile stays, and says by whom.
function shown(part) {
  const runs = [...part.querySelectorAll(".queue > li[data-key]")].slice(0, 100);
  const calls = (run) => [...run.querySelectorAll(".call[data-key]")].map((call) => call.dataset.key.split(".")[0]);
  return runs.map((run) => [run.dataset.key, ...calls(run)].join(".")).join(",");
}

async function bring(part) {
  const address = part.dataset.live || location.href;
  let answer;
  try {
    answer = await fetch(address, { headers: { accept: "text/html", "x-shown": shown(part) } });
  } catch {
    return; // The server is away; the next event or the next look brings it.
  }
  if (answer.status === 401) {
    leave();
    return;
  }
  if (!answer.ok) return;
  const fresh = nodes(await answer.text());
  // Of a whole page the same part.
  const same = part.dataset.live ? fresh : fresh.getElementById(part.id);
  if (!same) return;
  morph(part, same);
  tell("brought", part);
}

function open() {
  source?.close();
  const run = document.querySelector("[data-panel]")?.dataset.panel;
  source = new EventSource("/api/events" + (run ? "?run=" + encodeURIComponent(run) : ""));
  const heard = (event) => {
    const data = JSON.parse(event.data);
    badge(data.pending);
    tell(event.type, data);
    refresh();
  };
  source.addEventListener("changed", heard);
  source.addEventListener("approval_required", heard);
  source.addEventListener("text", (event) => {
    const { html } = JSON.parse(event.data);
    for (const growing of document.querySelectorAll("[data-growing]")) morph(growing, html);
  });
  source.onerror = () => {
    // Refused, and not only away: the browser does not try again by itself.
    if (source.readyState === EventSource.CLOSED) setTimeout(reopen, 2000);
  };
}

function reopen() {
  if (!document.hidden) open();
}

async function poll() {
  if (document.hidden) return;
  try {
    const answer = await fetch("/api/approvals/pending?count_only=true");
    if (answer.ok) badge((await answer.json()).count);
  } catch {
    return;
  }
  if (!source || source.readyState !== EventSource.OPEN) refresh();
}

/// Begins. Pages that nobody looks at hold no connection: a browser has six of them for all its pages.
export function start() {
  open();
  setInterval(poll, POLL);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      source?.close();
      source = null;
    } else {
      open();
      refresh();
    }
  });
}

/// Reads along with another run from now on.
export function follow() {
  open();
}
