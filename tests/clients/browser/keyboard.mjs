// A reviewer clears twenty calls by keyboard alone; each step is a picture.
import { browse, check, given, person, shot, until } from "./shared.mjs";

await browse(async (browser) => {
  const page = await person(browser);
  await page.addInitScript(() => {
    for (const kind of ["mousedown", "pointerdown"]) {
      window.addEventListener(kind, () => window.tellTest("a pointer was used"), { capture: true });
    }
  });
  const key = async (name) => {
    await page.keyboard.press(name);
    await page.waitForTimeout(50);
  };
  // Signing in, too.
  await page.goto("/sign-in");
  await page.keyboard.type(given.keys.reviewer);
  await key("Enter");
  await page.waitForURL((url) => url.pathname === "/");
  await page.goto("/approvals");
  const waiting = page.locator("fieldset.call[data-state=waiting]");
  await until("the queue is there", async () => (await waiting.count()) > 0);
  const left = async () => {
    const answer = await page.request.get("/api/approvals/pending?count_only=true");
    return Number((await answer.json()).count);
  };
  check((await left()) === given.calls, `${await left()} calls wait`);
  // The keys are told.
  await key("?");
  await page.locator("dialog[open]").waitFor();
  await shot(page, "keyboard/00-keys", false);
  await key("Escape");
  await until("it is closed", async () => (await page.locator("dialog[open]").count()) === 0);

  /// Waits a moment for a decision to count.
  const counted = async (before, patience) => {
    for (const end = Date.now() + patience; Date.now() < end; await page.waitForTimeout(50)) {
      if ((await left()) < before) return true;
    }
    return false;
  };
  const beside = page.locator("dialog[open] fieldset.call[data-state=waiting], [data-drawer]:not([hidden]) fieldset.call[data-state=waiting]");
  let step = 0;
  const began = Date.now();
  for (let before = await left(); before > 0; before = await left()) {
    check(++step <= 2 * given.calls, `${before} calls are left after ${step} steps`);
    await key("j");
    const on = await page.evaluate(() => {
      const active = document.activeElement;
      return { body: active === document.body, shown: active.matches(":focus-visible"), html: active.outerHTML.slice(0, 120) };
    });
    check(!on.body, "nothing has the focus");
    check(on.shown, "the focus is not to be seen: " + on.html);
    // Every third is denied.
    const decision = step % 3 === 0 ? "d" : "a";
    await key(decision);
    await shot(page, `keyboard/${String(step).padStart(2, "0")}-${decision}`, false);
    // It may be sent by itself; else Enter sends it, or opens a run of several calls.
    if (await counted(before, 400)) continue;
    await key("Enter");
    const several = await beside.count();
    if (several > 1) {
      for (let at = 0; at < several; at++) {
        if (at > 0) await key("j");
        await key(decision);
      }
      await shot(page, `keyboard/${String(step).padStart(2, "0")}-several`, false);
      if (await counted(before, 400)) continue;
      await key("Enter");
    }
    // Where it destroys something, it is asked once more, or sent after a moment.
    for (let again = 0; again < 5 && !(await counted(before, 1500)); again++) await key("Enter");
  }
  await until("the page says that nothing waits", async () => (await waiting.count()) === 0);
  await shot(page, "keyboard/99-cleared", false);
  console.log(`${given.calls} calls in ${step} steps and ${((Date.now() - began) / 1000).toFixed(1)} s, without a pointer`);
});
