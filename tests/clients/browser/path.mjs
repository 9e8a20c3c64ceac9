// The whole path of one person: a prompt, a pause, a changed call, an approval, the answer; then a run that
// waits a second time, and one of two calls denied.
import { browse, check, choose, given, group, person, send, shift, shot, signIn, until } from "./shared.mjs";

await browse(async (browser) => {
  const page = await person(browser);
  await signIn(page, given.keys.all);
  await page.goto("/roles/asking");
  await page.getByLabel("Prompt").fill("run echo done");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await group(page).waitFor();
  const preview = await group(page).locator(".preview").innerText();
  check(preview.includes("echo done"), "the call is not shown: " + preview);
  await shot(page, "path/1-paused");
  const card = group(page).locator("[data-call]");
  // Editing: the form that is made of the tool's schema, or the arguments as JSON.
  await card.locator("details summary", { hasText: /edit/i }).click();
  const field = card.locator('[data-argument="command"], [data-field="command"]').first();
  if (await field.isVisible().catch(() => false)) await field.fill("echo other");
  else await card.locator("textarea[name^='arguments.']").fill('{"command": "echo other"}');
  await shot(page, "path/2-edited");
  await choose(card, "approve");
  await send(page, group(page));
  const talk = page.locator("[data-panel]");
  await until("the answer is there", async () => (await talk.innerText()).includes("Result:"));
  check((await talk.innerText()).includes("other"), "it was not changed: " + (await talk.innerText()));
  await shot(page, "path/3-answered");
  console.log("edited and approved");

  // It waits again, in the same place.
  await page.goto("/roles/asking");
  await page.getByLabel("Prompt").fill("twice echo x");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await group(page).waitFor();
  const address = page.url();
  await choose(group(page).locator("[data-call]"), "approve");
  await send(page, group(page));
  await until("it waits again", async () => (await page.locator(".preview").last().innerText()).includes("x again"));
  check(page.url() === address, "the page was left: " + page.url());
  await choose(group(page).locator("[data-call]"), "approve");
  await send(page, group(page));
  await until("the answer is there", async () => (await page.locator("[data-panel]").innerText()).includes("Result: x again"));
  console.log("approved twice");

  // One of two is denied, with a reason.
  await page.goto("/roles/asking");
  await page.getByLabel("Prompt").fill("both echo y");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await until("two calls wait", async () => (await group(page).locator("[data-call]").count()) === 2);
  await choose(group(page).locator("[data-call]").nth(0), "approve");
  await choose(group(page).locator("[data-call]").nth(1), "deny");
  await group(page).locator("[data-call]").nth(1).locator("[name^='reason.']").fill("not today");
  await send(page, group(page));
  await until("the answer is there", async () => (await page.locator("[data-panel]").innerText()).includes("not today"));
  console.log("one approved, one denied");
  // What follows an answer moves down as it grows; what somebody is about to press stays.
  const moved = (await shift(page)).of.filter((one) => /^<(form|fieldset|label|button|input|textarea)/.test(one ?? ""));
  check(moved.length === 0, `what is to be pressed moved: ${moved.join("\n")}`);
});
