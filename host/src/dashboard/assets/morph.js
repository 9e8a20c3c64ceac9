// Brings a part of the page up to date in place: what stays keeps its state, what somebody types keeps its
// text and its focus. Children are told apart by `data-key`, else by their place.

// The one policy that may make markup of text: of what this server has rendered, and nothing else.
const policy = window.trustedTypes
  ? window.trustedTypes.createPolicy("initrunner", { createHTML: (text) => text })
  : { createHTML: (text) => text };

/// The nodes of markup that this server has rendered.
export function nodes(html) {
  const template = document.createElement("template");
  template.innerHTML = policy.createHTML(html);
  return template.content;
}

/// Has `element` hold what `html` says, or the nodes of another element.
export function morph(element, html) {
  children(element, typeof html === "string" ? nodes(html) : html);
}

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.dataset.key || node.id || null : null);

function children(old, fresh) {
  const keyed = new Map();
  for (const child of old.children) {
    const key = keyOf(child);
    if (key) keyed.set(key, child);
  }
  let at = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const key = keyOf(wanted);
    let found = key ? keyed.get(key) : null;
    if (!found && at && !keyOf(at) && !key && at.nodeName === wanted.nodeName) found = at;
    if (!found) {
      old.insertBefore(wanted, at);
      continue;
    }
    if (found === at) at = at.nextSibling;
    else old.insertBefore(found, at);
    keyed.delete(key);
    node(found, wanted);
  }
  while (at) {
    const next = at.nextSibling;
    // Somebody's focus is not taken away by what somebody else did: it goes to the page.
    if (at.contains(document.activeElement)) document.getElementById("main")?.focus();
    at.remove();
    at = next;
  }
}

function node(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  if (old.nodeName !== fresh.nodeName) {
    old.replaceWith(fresh);
    return;
  }
  for (const { name } of [...old.attributes]) {
    // What is open stays open, and what scripts noted stays noted.
    if (!fresh.hasAttribute(name) && name !== "open" && !name.startsWith("data-own")) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && name !== "data-live") old.setAttribute(name, value);
  }
  // What a model is saying is shown by whoever reads along.
  if (old.hasAttribute("data-growing")) return;
  // What was typed is the person's.
  if (old.nodeName === "TEXTAREA") return;
  children(old, fresh);
}
