// The server is killed under an open page, something happens, and it starts again: the page is right by itself.
import { ask, browse, check, choose, given, group, person, send, shot, signIn, until } from "./shared.mjs";

await browse(async (browser) => {
  const page = await person(browser, { allowed: [/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED/] });
  await signIn(page, given.keys.reviewer);
  await page.goto("/approvals");
  await group(page, given.runs[0]).waitFor();
  await page.evaluate(() => { window.mark = "here"; });
  const count = () => page.locator("[data-badge] [data-count]").first().innerText();
  check((await count()) === String(given.waiting), "the badge has " + (await count()));
  // What somebody has begun stays.
  const card = group(page, given.runs[0]).locator("[data-call]");
  await card.locator("[name^='reason.']").fill("half a rea");
  const fresh = await ask("restart");
  await group(page, fresh).waitFor();
  await until("the badge counts it", async () => (await count()) === String(given.waiting + 1));
  check((await card.locator("[name^='reason.']").inputValue()) === "half a rea", "what was typed is gone");
  check((await page.evaluate(() => window.mark)) === "here", "the page was loaded again");
  await shot(page, "restart/after");
  await choose(group(page, fresh).locator("[data-call]"), "approve");
  await send(page, group(page, fresh));
  await until("the badge counts it", async () => (await count()) === String(given.waiting));
  console.log("it reconnects, has what came meanwhile, and decides");
});
