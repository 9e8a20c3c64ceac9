// A browser without scripts: forms run a role, approve, deny, and change a call.
import { browse, check, given, person, signIn, shot } from "./shared.mjs";

await browse(async (browser) => {
  const page = await person(browser, { scripts: false });
  await signIn(page, given.keys.all);
  const run = async (prompt) => {
    await page.goto("/roles/asking");
    await page.getByLabel("Prompt").fill(prompt);
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.waitForURL("**/runs/run_*");
    // Nothing brings the page up to date by itself.
    for (let look = 0; look < 100 && (await page.locator("form[data-group]").count()) === 0; look++) await page.reload();
  };
  const decided = async (words) => {
    await page.locator("[data-send] button").click();
    await page.waitForURL("**/runs/run_*");
    for (let look = 0; look < 100 && !(await page.locator("main").innerText()).includes(words); look++) await page.reload();
    const text = await page.locator("main").innerText();
    check(text.includes(words), `no "${words}" in ${text}`);
  };
  const card = page.locator("[data-call]");
  await run("run echo done");
  await card.locator("input[value=approve]").check();
  await decided("Result: done");
  await run("run echo done");
  await card.locator("input[value=deny]").check();
  await card.locator("[name^='reason.']").fill("not without scripts");
  await decided("not without scripts");
  await run("run echo done");
  await card.locator("input[value=approve]").check();
  await card.locator("details summary", { hasText: /edit/i }).click();
  await card.locator("textarea[name^='arguments.']").fill('{"command": "echo other"}');
  await shot(page, "plain/edited");
  await decided("Result: A person changed");
  console.log("approved, denied and changed without scripts");
});
