// Decisions: a group of cards is sent once each of its calls has one. Without this, its button sends it.
import { refresh } from "./live.js";

export const csrf = () => document.querySelector('meta[name="csrf"]').content;

/// What the person has chosen for each call of a group; nothing while one is open.
function answers(group) {
  const all = {};
  for (const card of group.querySelectorAll("[data-call]")) {
    const call = card.dataset.call;
    const chosen = card.querySelector('input[type="radio"]:checked');
    if (!chosen) return null;
    const version = Number(card.querySelector(`[name="version.${call}"]`).value);
    const answer = { decision: chosen.value };
    if (version) answer.version = version;
    const reason = card.querySelector(`[name="reason.${call}"]`)?.value.trim();
    if (chosen.value === "deny" && reason) answer.reason = reason;
    const changed = card.querySelector(`[name="arguments.${call}"]`)?.value.trim();
    if (chosen.value === "approve" && changed) answer.arguments = JSON.parse(changed);
    all[call] = answer;
  }
  return all;
}

export function say(group, message) {
  const problem = group.querySelector("[data-problem]");
  problem.textContent = message;
  problem.hidden = !message;
}

export async function send(group) {
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
}
