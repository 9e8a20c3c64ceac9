// Calls by keyboard, on every page that shows some. Single keys can be turned off (WCAG 2.2, 2.1.4), and none
// counts while somebody types.
import { say, send } from "./decide.js";
import { listen } from "./live.js";

// How long a second press confirms the first.
const CONFIRM = 4000;
const OFF = "initrunner-keys-off";

const KEYS = [
  ["j, k", "the next call, the one before"],
  ["a, d", "approve, deny the call"],
  ["Shift A, Shift D", "approve, deny all calls of its run; press twice"],
  ["Enter", "send the decisions of its run"],
  ["e", "edit the arguments of the call"],
  ["/", "go to the filter"],
  ["Esc", "take back, close"],
  ["?", "these keys"],
];

let at = 0;
let asked = null;

const open = () => [...document.querySelectorAll("form[data-group] fieldset.call")];
const groupOf = (card) => card.closest("form[data-group]");

function here() {
  return document.activeElement?.closest?.("form[data-group] fieldset.call") ?? null;
}

function go(card) {
  if (!card) return;
  at = open().indexOf(card);
  card.tabIndex = -1;
  card.focus({ preventScroll: true });
  card.scrollIntoView({ block: "nearest" });
}

function move(by) {
  const cards = open();
  if (cards.length === 0) return;
  const now = here();
  const next = now ? cards.indexOf(now) + by : Math.min(Math.max(at, 0), cards.length - 1);
  // After the last comes the first: what was passed over is met again.
  go(cards[(next + cards.length) % cards.length]);
}

function choose(card, value) {
  const radio = card.querySelector(`input[type="radio"][value="${value}"]`);
  if (!radio) {
    say(groupOf(card), "Whether this call happened is not known: choose with the buttons, after a look.");
    return;
  }
  radio.checked = true;
  radio.dispatchEvent(new Event("change", { bubbles: true }));
}

// All calls of a run; asked once more, and told what may be destroyed. The second press is for the calls that the
// first one counted: where others have come since, it asks about those.
function chooseAll(card, value) {
  const group = groupOf(card);
  const cards = [...group.querySelectorAll("fieldset.call")].filter((one) => one.dataset.state !== "unknown");
  if (cards.length === 0) return;
  const calls = cards.map((one) => one.dataset.key).join();
  if (asked && asked.group === group && asked.value === value && asked.calls === calls) {
    forget();
    for (const one of cards) choose(one, value);
    return;
  }
  forget();
  const destroying = value === "approve" ? cards.filter((one) => one.hasAttribute("data-destructive")).length : 0;
  const what = value === "approve" ? "Approve" : "Deny";
  const number = cards.length === 1 ? "the call" : `all ${cards.length} calls`;
  const danger = destroying > 0 ? ` ${destroying} of them may destroy.` : "";
  say(group, `${what} ${number} of this run?${danger} Press ${value === "approve" ? "Shift A" : "Shift D"} again.`);
  asked = { group, value, calls, timer: setTimeout(forget, CONFIRM) };
}

function forget() {
  if (!asked) return;
  clearTimeout(asked.timer);
  say(asked.group, "");
  asked = null;
}

function edit(card) {
  const details = card.querySelector("details");
  if (!details) return;
  details.open = true;
  details.querySelector("input, select, textarea")?.focus();
}

function help() {
  let dialog = document.getElementById("keys");
  if (!dialog) {
    dialog = document.createElement("dialog");
    dialog.id = "keys";
    dialog.setAttribute("aria-labelledby", "keys-title");
    const title = document.createElement("h2");
    title.id = "keys-title";
    title.textContent = "Keys";
    const list = document.createElement("dl");
    for (const [keys, what] of KEYS) {
      const term = document.createElement("dt");
      const key = document.createElement("kbd");
      key.textContent = keys;
      term.append(key);
      const told = document.createElement("dd");
      told.textContent = what;
      list.append(term, told);
    }
    const label = document.createElement("label");
    const turn = document.createElement("input");
    turn.type = "checkbox";
    turn.checked = !isOff();
    turn.addEventListener("change", () => {
      if (turn.checked) localStorage.removeItem(OFF);
      else localStorage.setItem(OFF, "1");
    });
    label.append(turn, " Single keys do this");
    const form = document.createElement("form");
    form.method = "dialog";
    const close = document.createElement("button");
    close.className = "main";
    close.textContent = "Close";
    form.append(close);
    dialog.append(title, list, label, form);
    document.body.append(dialog);
  }
  dialog.showModal();
}

function isOff() {
  return localStorage.getItem(OFF) !== null;
}

function types(element) {
  return element?.closest?.("input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]") != null;
}

function press(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.defaultPrevented) return;
  if (event.key === "Escape") forget();
  if (isOff() || types(event.target) || document.querySelector("dialog[open]:not(.drawer)")) return;
  const card = here();
  const acts = {
    j: () => move(1),
    k: () => move(-1),
    "?": help,
    "/": () => document.querySelector("#filter input, #filter select")?.focus(),
  };
  if (card) {
    Object.assign(acts, {
      a: () => choose(card, "approve"),
      d: () => choose(card, "deny"),
      A: () => chooseAll(card, "approve"),
      D: () => chooseAll(card, "deny"),
      e: () => edit(card),
    });
    // A button or a summary does what it is for.
    if (event.target === card || event.target.matches("input[type=radio]")) acts.Enter = () => send(groupOf(card));
  }
  const act = acts[event.key];
  if (!act) return;
  event.preventDefault();
  // A key that is held down has been pressed once: it moves on, and decides nothing.
  if (event.repeat && !["j", "k"].includes(event.key)) return;
  if (event.key !== "A" && event.key !== "D") forget();
  act();
}

export function start() {
  document.addEventListener("keydown", press);
  for (const button of document.querySelectorAll("[data-keys]")) {
    button.hidden = false;
    button.addEventListener("click", help);
  }
  // Whoever has just decided goes on with the next call.
  let decides = false;
  document.addEventListener("focusin", (event) => {
    if (event.target.id !== "main") decides = here() !== null;
  });
  listen((kind) => {
    if (kind !== "brought" || !decides) return;
    if (document.activeElement !== document.body && document.activeElement?.id !== "main") return;
    const cards = open();
    if (cards.length > 0) go(cards[Math.min(Math.max(at, 0), cards.length - 1)]);
    decides = cards.length > 0;
  });
  document.addEventListener("focusin", () => {
    const card = here();
    if (card) at = open().indexOf(card);
  });
}
