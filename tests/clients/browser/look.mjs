// Every page in each theme and width: the rules of WCAG 2.2 AA that a program can check (axe-core), whether it is
// wider than the window, how far it moves by itself while it is made, whether anything moves for whoever asked
// for less of that, and a picture. Prints a table of it.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { browse, given, person, problems, shift, shot, signIn } from "./shared.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const WIDTHS = [1440, 768, 390];
const THEMES = ["light", "dark"];
// More than that is seen (Core Web Vitals call 0.1 good).
const MOST_SHIFT = 0.01;

/// What breaks a rule, in words.
async function broken(page) {
  const { violations } = await page.evaluate((tags) => window.axe.run(document, { runOnly: tags, resultTypes: ["violations"] }), TAGS);
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 160)} (${node.failureSummary.split("\n")[1]?.trim()})`));
}

/// What sticks out at the right; nothing where the page fits.
const wide = (page) => page.evaluate(() => {
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return null;
  const out = [...document.querySelectorAll("main *")].find((one) => one.getBoundingClientRect().right > clientWidth + 1);
  return `${scrollWidth - clientWidth} px too wide: ${out?.outerHTML.slice(0, 160)}`;
});

/// What still moves for whoever wants less of it.
const moving = (page) => page.evaluate(() => {
  const long = (text) => text.split(",").some((time) => parseFloat(time) * (time.includes("ms") ? 1 : 1000) > 20);
  return [...document.querySelectorAll("*")].filter((one) => {
    const style = getComputedStyle(one);
    return (long(style.transitionDuration) && style.transitionProperty !== "none") || (style.animationName !== "none" && long(style.animationDuration));
  }).map((one) => one.outerHTML.slice(0, 120));
});

/// Goes through the page by keyboard: whatever has the focus shows it, and none of it is kept for ever.
async function tabs(page) {
  const found = [];
  let first;
  for (let step = 0; step < 150; step++) {
    await page.keyboard.press("Tab");
    const on = await page.evaluate(() => {
      const active = document.activeElement;
      if (!active || active === document.body) return null;
      const shows = (one) => {
        const style = getComputedStyle(one);
        return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) || style.boxShadow !== "none";
      };
      // A radio button's own label may show it.
      const around = [active, active.parentElement, active.closest("label, fieldset, li")].filter(Boolean);
      const { width, height } = active.getBoundingClientRect();
      active.dataset.ownStop ??= String(document.querySelectorAll("[data-own-stop]").length);
      return { stop: active.dataset.ownStop, shown: around.some(shows) && width > 0 && height > 0, html: active.outerHTML.slice(0, 120) };
    });
    if (on === null || on.stop === first) return found;
    first ??= on.stop;
    if (!on.shown) found.push(`the focus is not to be seen: ${on.html}`);
  }
  found.push("the focus does not come round in 150 steps");
  return found;
}

const rows = [];

async function look(page, state) {
  const bad = (what) => problems.push(`${state.name}: ${what}`);
  const row = [];
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "no-preference" });
    await page.goto(state.path);
    // Once what scripts do at the beginning is done.
    await page.waitForTimeout(250);
    const moved = await shift(page);
    if (moved.value > MOST_SHIFT) bad(`${width} px: moves by ${moved.value.toFixed(3)}: ${moved.of.join(" | ")}`);
    if (state.open) await page.evaluate(() => { for (const one of document.querySelectorAll("main details")) one.open = true; });
    for (const key of state.keys ?? []) {
      await page.keyboard.press(key);
      await page.waitForTimeout(100);
    }
    await page.evaluate(axe + "; void 0");
    for (const theme of THEMES) {
      await page.emulateMedia({ colorScheme: theme });
      await page.waitForTimeout(200);
      const found = await broken(page);
      for (const one of found) bad(`${theme}, ${width} px: ${one}`);
      const out = await wide(page);
      if (out) bad(`${theme}, ${width} px: ${out}`);
      row.push(`${found.length}${out ? " wide" : ""}`);
      await shot(page, `${theme}/${state.name}-${width}`);
    }
    row.push(moved.value.toFixed(3));
  }
  await page.emulateMedia({ reducedMotion: "reduce" });
  const still = await moving(page);
  for (const one of still) bad(`moves all the same: ${one}`);
  row.push(String(still.length));
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.goto(state.path);
  const lost = await tabs(page);
  for (const one of lost) bad(one);
  row.push(String(lost.length));
  rows.push([state.name, ...row]);
}

await browse(async (browser) => {
  const states = [...given.states];
  const people = new Map();
  const one = await person(browser, { allowed: [/status of 40[0-9]|status of 410/] });
  await signIn(one, given.keys.all);
  // Pages that the side bar has, and this list has not.
  const paths = await one.locator("nav a").evaluateAll((all) => all.map((link) => link.getAttribute("href")));
  for (const path of paths) {
    if (!states.some((state) => state.path === path)) states.push({ name: path.slice(1).replaceAll("/", "-"), path });
  }
  people.set("all", [one]);
  // Two at a time: as many as there are cores.
  const open = [...states];
  const work = async () => {
    for (let state; (state = open.shift()); ) {
      const who = state.who ?? "all";
      let page = people.get(who)?.pop();
      if (!page) {
        page = await person(browser, { allowed: [/status of 40[0-9]|status of 410/] });
        if (who !== "nobody") await signIn(page, given.keys[who]);
      }
      await look(page, state);
      people.set(who, [...(people.get(who) ?? []), page]);
    }
  };
  await Promise.all([work(), work()]);
  rows.sort();
  const head = ["page", ...WIDTHS.flatMap((width) => [`${width} light`, "dark", "shift"]), "moving", "focus"];
  const widths = head.map((name, at) => Math.max(name.length, ...rows.map((row) => row[at].length)));
  for (const row of [head, ...rows]) console.log(row.map((cell, at) => cell.padEnd(widths[at])).join("  ").trimEnd());
});
