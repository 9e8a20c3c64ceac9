// Two people look at the same calls: whoever comes second sees who was first, without a reload, and is told the
// same when they send their decision all the same.
import { browse, check, choose, given, group, person, send, shot, signIn, until } from "./shared.mjs";

// What a late decision is refused with is no failure.
const allowed = [/status of 409/];

await browse(async (browser) => {
  const first = await person(browser);
  const second = await person(browser, { allowed });
  await signIn(first, given.keys.reviewer);
  await signIn(second, given.keys.second);
  const marks = [];
  for (const [page, path] of [[first, "/approvals"], [second, "/approvals"]]) {
    await page.goto(path);
    await group(page, given.runs[0]).waitFor();
    // A reload would lose it.
    await page.evaluate(() => { window.mark = "here"; });
    marks.push(() => page.evaluate(() => window.mark));
  }
  // The second has begun to decide when the first is done.
  const late = group(second, given.runs[0]);
  await choose(late.locator("[data-call]"), "deny");
  await late.locator("[name^='reason.']").fill("no");
  const card = group(first, given.runs[0]);
  await choose(card.locator("[data-call]"), "approve");
  await send(first, card);
  await until("the second sees who was first", async () =>
    /approved by key:reviewer/i.test(await second.locator("#queue").innerText()));
  check((await marks[1]()) === "here", "the page was loaded again");
  await shot(second, "race/elsewhere");
  console.log(given.merged ? "the card says who was first" : "the card is gone");

  // One whose page hears nothing sends its decision: it is told who was first.
  allowed.push(/ERR_FAILED/, /api\/events/);
  await second.route("**/api/events*", (route) => route.abort());
  await second.route("**/approvals", (route) => (route.request().isNavigationRequest() ? route.continue() : route.abort()));
  const quiet = await second.context().newPage();
  await quiet.route("**/api/events*", (route) => route.abort());
  await quiet.route("**/approvals", (route) => (route.request().isNavigationRequest() ? route.continue() : route.abort()));
  await quiet.goto("/approvals");
  const theirs = group(quiet, given.runs[1]);
  await theirs.waitFor();
  const ours = group(first, given.runs[1]);
  await choose(ours.locator("[data-call]"), "approve");
  await send(first, ours);
  await choose(theirs.locator("[data-call]"), "deny");
  await theirs.locator("[data-send] button").first().click().catch(() => {});
  await until("it is told who was first", async () => {
    const text = await quiet.locator("#queue").innerText();
    return text.includes("key:reviewer") && /already decided|approved by/i.test(text);
  });
  await shot(quiet, "race/late");
  console.log("a late decision is told who was first");
});
