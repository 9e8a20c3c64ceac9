// A page that is open hears what others do: the badge, the list, and screen readers.
import { ask, browse, check, given, person, signIn, until } from "./shared.mjs";

await browse(async (browser) => {
  const page = await person(browser, { allowed: [/status of 401/] });
  await signIn(page, given.keys.reviewer);
  const listening = page.waitForResponse(/\/api\/events/);
  await page.goto("/approvals");
  await page.evaluate(() => { window.mark = "here"; });
  const home = await page.context().newPage();
  await home.goto("/");
  await listening;
  const badge = page.locator("[data-badge]");
  check(!(await badge.isVisible()), "nothing waits, and the badge is there");
  const began = Date.now();
  const run = await ask("pause");
  await page.locator(`form[data-group="${run}"]`).waitFor();
  await until("the badge counts it", async () => (await badge.isVisible()) && (await badge.locator("[data-count]").innerText()) === "1");
  await until("screen readers are told", async () => (await page.locator("#told").innerText()).includes("waits"));
  check((await page.locator("#told").getAttribute("aria-live")) === "polite", "nobody is told");
  console.log(`${Date.now() - began} ms until it is there`);
  await until("the first page has it", async () => (await home.locator("#home").innerText()).includes("run echo one"));
  const figures = await badge.evaluate((one) => getComputedStyle(one).fontVariantNumeric);
  check(figures.includes("tabular-nums"), "the badge's figures are " + figures);
  await ask("decide");
  await until("it is no longer open", async () => (await page.locator(`form[data-group="${run}"] input[type=radio]:not([disabled])`).count()) === 0);
  await until("the badge is gone", async () => !(await badge.isVisible()));
  check((await page.evaluate(() => window.mark)) === "here", "the page was loaded again");
  // Whose key is taken away sees nothing more.
  await ask("take the key away");
  await page.waitForURL(/\/sign-in\?next=%2Fapprovals/);
  console.log("whose key is taken away is asked to sign in");
});
