// Decisions: a group of cards is sent once each of its calls has one, after a moment in which that can be taken
// back. Without scripts its button sends it.
import { refresh } from "./live.js";

// How long a decision can be taken back: a choice made by mistake is noticed within a second or two.
const MOMENT = 3000;

export const csrf = () => document.querySelector('meta[name="csrf"]').content;

const calls = (group) => [...group.querySelectorAll("[data-call]")];
const chosen = (card) => card.querySelector('input[type="radio"]:checked')?.value;

/// What the person has chosen for each call of a group; nothing while one is open.
function answers(group) {
  const all = {};
  for (const card of calls(group)) {
    const call = card.dataset.call;
    const decision = chosen(card);
    if (!decision) return null;
    const version = Number(card.querySelector(`[name="version.${call}"]`).value);
    const answer = { decision };
    if (version) answer.version = version;
    const reason = card.querySelector(`[name="reason.${call}"]`)?.value.trim();
    if (decision === "deny" && reason) answer.reason = reason;
    const changed = card.querySelector(`[name="arguments.${call}"]`)?.value.trim();
    if (decision === "approve" && changed) answer.arguments = JSON.parse(changed);
    all[call] = answer;
  }
  return all;
}

export function say(group, message) {
  const problem = group.querySelector("[data-problem]");
  problem.textContent = message;
  problem.hidden = !message;
}

/// Takes back what is about to be sent; whether anything was.
export function hold(group) {
  const held = group.dataset.ownTimer;
  if (!held) return false;
  clearTimeout(Number(held));
  delete group.dataset.ownTimer;
  group.querySelector("[data-undo]").hidden = true;
  return true;
}

/// Sends soon what the person has chosen.
function soon(group) {
  hold(group);
  if (!calls(group).every(chosen)) return;
  const destroying = calls(group).filter(
    (card) => card.hasAttribute("data-destructive") && ["approve", "retry"].includes(chosen(card)),
  ).length;
  const undo = group.querySelector("[data-undo]");
  undo.querySelector("[data-words]").textContent =
    destroying > 0
      ? `Sending in a moment: ${destroying} approved ${destroying === 1 ? "call" : "calls"} may destroy.`
      : "Sending in a moment.";
  undo.hidden = false;
  group.dataset.ownTimer = String(setTimeout(() => send(group), MOMENT));
}

/// Sends the decisions of a group.
export async function send(group) {
  hold(group);
  let body;
  try {
    body = answers(group);
  } catch {
    say(group, "The arguments are no JSON object.");
    return;
  }
  if (!body) {
    say(group, "Choose a decision of each call.");
    return;
  }
  say(group, "");
  let answer;
  try {
    answer = await fetch("/api/approvals/" + encodeURIComponent(group.dataset.group), {
      method: "POST",
      headers: { "content-type": "application/json", "x-csrf-token": csrf(), prefer: "respond-async" },
      body: JSON.stringify(body),
    });
  } catch {
    say(group, "The server cannot be reached; nothing was sent. Try again.");
    return;
  }
  if (!answer.ok) {
    const { error } = await answer.json().catch(() => ({ error: { message: "It was not taken." } }));
    say(group, error.message);
  }
  await refresh();
}

export function start() {
  document.addEventListener("submit", (event) => {
    const group = event.target.closest("[data-group]");
    if (!group) return;
    event.preventDefault();
    send(group);
  });
  document.addEventListener("change", (event) => {
    const group = event.target.closest?.("[data-group]");
    if (group && event.target.type === "radio") soon(group);
  });
  // Whoever goes on to a reason, or to the arguments, has more to say.
  document.addEventListener("focusin", (event) => {
    const group = event.target.closest?.("[data-group]");
    if (group && event.target.matches("input:not([type=radio]), textarea, select, summary")) hold(group);
  });
  document.addEventListener("click", (event) => {
    const undo = event.target.closest?.("[data-undo] button");
    const group = undo?.closest("[data-group]");
    if (!group) return;
    hold(group);
    for (const radio of group.querySelectorAll('input[type="radio"]:checked')) radio.checked = false;
    group.querySelector('input[type="radio"]')?.focus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const group of document.querySelectorAll("[data-group]")) hold(group);
  });
}
