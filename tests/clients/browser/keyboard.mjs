// A reviewer clears twenty calls by keyboard alone, and is recorded.
import { browse, check, given, person, shot, signIn, until } from "./shared.mjs";
import { join } from "node:path";

await browse(async (browser) => {
  const page = await person(browser, { video: join(given.shots, "keyboard"), height: 900, width: 1440 });
  const mice = [];
  await page.addInitScript(() => {
    for (const kind of ["mousedown", "pointerdown"]) {
      window.addEventListener(kind, () => window.tellTest("a pointer was used"), { capture: true });
    }
  });
  // Signing in, too.
  await page.goto("/sign-in");
  await page.keyboard.type(given.keys.reviewer);
  await page.keyboard.press("Enter");
  await page.waitForURL("**/");
  await page.goto("/approvals");
  await until("the queue is there", async () => (await page.locator("fieldset.call[data-state=waiting], fieldset.call[data-state=waiting]").count()) > 0);
  const left = async () => Number((await page.request.get("/api/approvals/pending?count_only=true").then((answer) => answer.json())).count);
  check((await left()) === given.calls, `${await left()} calls wait`);
  // The keys are told.
  await page.keyboard.press("?");
  await page.locator("dialog[open]").waitFor();
  await shot(page, "keyboard/0-help", false);
  await page.keyboard.press("Escape");
  await until("it is closed", async () => (await page.locator("dialog[open]").count()) === 0);
  const focused = () => page.evaluate(() => {
    const on = document.activeElement;
    const call = on.closest("[data-call]") ?? on.querySelector?.("[data-call]");
    return { on: on.tagName + "#" + on.id, call: call?.dataset.call, shown: on.matches(":focus-visible"), body: on === document.body };
  });
  let step = 0;
  const began = Date.now();
  for (let before = await left(); before > 0; ) {
    check(++step <= 3 * given.calls, `${before} calls are left after ${step} steps`);
    await page.keyboard.press("j");
    const on = await focused();
    check(!on.body, "nothing has the focus");
    check(on.shown, "the focus is not to be seen: " + JSON.stringify(on));
    // Every third is denied, with a reason.
    await page.keyboard.press(step % 3 === 0 ? "d" : "a");
    if (step % 5 === 1) await shot(page, `keyboard/${String(step).padStart(2, "0")}`, false);
    // Enter sends it; where it destroys something it asks first, and a second Enter says yes.
    await page.keyboard.press("Enter");
    let now = before;
    for (let look = 0; look < 60 && now >= before; look++) {
      await page.waitForTimeout(100);
      if (look % 10 === 9) await page.keyboard.press("Enter");
      now = await left();
    }
    before = now;
  }
  await until("the page says that nothing waits", async () => (await page.locator("fieldset.call[data-state=waiting]").count()) === 0);
  await shot(page, "keyboard/99-cleared", false);
  console.log(`${given.calls} calls in ${step} steps, ${((Date.now() - began) / 1000).toFixed(1)} s, no pointer`);
  await page.context().close();
});
