// People at the dashboard: a browser, whoever uses it, and everything that must not happen while they do. A
// script ends with an error if a page wrote one to its console, threw one, was refused something by its
// policy, opened a dialog, ran a payload, or asked another origin for anything.
import { chromium } from "playwright-core";
import { createInterface } from "node:readline";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

/// What the test gives: `url`, `keys`, `shots`, and what else a script needs.
export const given = JSON.parse(process.argv[2]);
const origin = new URL(given.url).origin;

/// What must not have happened.
export const problems = [];

/// How long anything is waited for: longer than it takes on the busiest machine.
const PATIENCE = 30000;

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/// Asks the test for something that only it can do, and gives its answer.
export async function ask(word) {
  console.log("? " + word);
  return (await lines.next()).value;
}

export function check(holds, what) {
  if (!holds) throw new Error(what);
}

/// Waits until something holds.
export async function until(what, holds) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const found = await holds();
    if (found) return found;
    if (Date.now() > end) throw new Error("waited in vain until " + what);
    await new Promise((wake) => setTimeout(wake, 25));
  }
}

/// Runs a script with a browser.
export async function browse(script) {
  const root = process.getuid() === 0 ? ["--no-sandbox"] : [];
  const browser = await chromium.launch({
    executablePath: given.chromium || "/usr/bin/chromium",
    // Nothing leaves this machine, whatever the browser would like to look up for itself.
    args: [
      ...root, "--disable-background-networking", "--disable-component-update", "--no-first-run", "--disable-gpu",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    ],
  });
  try {
    await script(browser);
  } catch (error) {
    problems.push(error.stack);
    for (const context of browser.contexts()) {
      for (const page of context.pages()) {
        problems.push(`the page ${page.url()}:\n${await page.locator("body").innerText().catch(() => "")}`);
      }
    }
  } finally {
    await browser.close();
  }
  lines.return?.();
  process.stdin.destroy();
  if (problems.length > 0) {
    for (const problem of problems) console.error("✗ " + problem);
    process.exit(1);
  }
}

/// Somebody with a browser window of their own. `allowed` says which messages of its console are expected:
/// that a request was refused or did not get through is one.
export async function person(browser, { theme = "light", width = 1440, height = 900, still = false, allowed = [], scripts = true } = {}) {
  const context = await browser.newContext({
    baseURL: given.url, javaScriptEnabled: scripts, colorScheme: theme, viewport: { width, height }, reducedMotion: still ? "reduce" : "no-preference",
  });
  context.setDefaultTimeout(PATIENCE);
  const bad = (what, page) => problems.push(`${what} on ${page?.url?.() ?? "?"}`);
  await context.exposeBinding("tellTest", ({ page }, what) => bad(what, page));
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) =>
      window.tellTest(`the policy refused ${event.blockedURI} (${event.violatedDirective}) ${event.sample}`));
    // What every payload tries to call.
    window.__xss = (what) => window.tellTest(`a payload ran: ${what}`);
    window.shifted = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        if (entry.hadRecentInput) continue;
        const of = entry.sources.map(({ node }) => node?.outerHTML?.slice(0, 120) ?? node?.textContent?.slice(0, 80));
        window.shifted.push({ value: entry.value, of });
      }
    }).observe({ type: "layout-shift", buffered: true });
  });
  context.on("console", (message) => {
    if (message.type() !== "error" && message.type() !== "warning") return;
    const text = `${message.text()} ${message.location()?.url ?? ""}`;
    if (!allowed.some((pattern) => pattern.test(text))) bad("console: " + text, message.page());
  });
  context.on("weberror", (error) => bad("error: " + (error.error()?.stack ?? error), error.page()));
  context.on("dialog", async (dialog) => {
    bad("dialog: " + dialog.message(), dialog.page());
    await dialog.dismiss().catch(() => {});
  });
  context.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin + "/") && !url.startsWith("data:,")) problems.push("a request to " + url);
  });
  const page = await context.newPage();
  return page;
}

/// Signs in with a key, as a person does.
export async function signIn(page, key) {
  await page.goto("/sign-in");
  await page.getByLabel("Key").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL((url) => url.pathname !== "/sign-in");
}

/// The form of a run's open calls.
export const group = (page, run) => page.locator(run ? `form[data-group="${run}"]` : "form[data-group]");

/// Chooses a decision of a call.
export async function choose(card, decision) {
  await card.locator(`input[type=radio][value=${decision}]`).check({ force: true });
}

/// Sends the decisions of a group; where a page asks once more, it is told yes.
export async function send(page, form) {
  const calls = await form.locator("[data-call]").evaluateAll((all) => all.map((one) => one.dataset.key));
  const button = form.locator("[data-send] button").first();
  if (await button.isVisible()) await button.click().catch(() => {});
  await until("the decisions are sent", async () => {
    const sure = page.locator("dialog[open] [data-sure], [data-sure]:visible").first();
    if (await sure.isVisible().catch(() => false)) await sure.click({ timeout: 1000 }).catch(() => {});
    const now = await form.locator("[data-call]").evaluateAll((all) => all.map((one) => one.dataset.key)).catch(() => []);
    const told = await form.locator("[data-problem]:not([hidden])").count().catch(() => 0);
    return now.join() !== calls.join() || told > 0;
  });
}

/// Keeps a picture of a page.
export async function shot(page, name, whole = true) {
  const file = join(given.shots, name + ".png");
  mkdirSync(join(file, ".."), { recursive: true });
  await page.screenshot({ path: file, fullPage: whole, animations: "disabled" });
}

/// How far anything moved by itself since the page was opened; what moved most.
export async function shift(page) {
  const all = await page.evaluate(() => window.shifted);
  return { value: all.reduce((sum, one) => sum + one.value, 0), of: all.flatMap((one) => one.of) };
}
