// Every page, with payloads wherever a text of somebody else's can be: nothing of them runs, is an element or a
// request. Prints for each place how many are stored and how many were seen on a page as the text that they are.
import { payloads } from "./payloads.mjs";
import { browse, check, given, person, problems, shot, signIn, until } from "./shared.mjs";

/// What no page of ours has, and a payload would make.
const foreign = () => {
  const found = [...document.querySelectorAll(
    "script:not([src^='/assets/']), link:not([href^='/assets/']), style, iframe, frame, object, embed, base, img, video, audio, portal, marquee, math, "
    + "svg script, svg a, svg animate, svg set, svg foreignObject, meta[http-equiv], [srcdoc], [formaction], [ping], [style], plaintext, xmp, listing, "
    + "form:not([action^='/']):not([method=dialog]):not(:not([action])), a[href]:not([href^='/']):not([href^='#']):not([href^='?']):not([href^='http']):not([href^='mailto:'])",
  )];
  for (const one of document.querySelectorAll("*")) {
    if ([...one.attributes].some(({ name }) => name.startsWith("on"))) found.push(one);
  }
  // The one element that each of these names is ours.
  for (const id of ["main", "told", "toasts"]) if (document.querySelectorAll("#" + id).length > 1) found.push(document.querySelectorAll("#" + id)[1]);
  if (document.querySelectorAll("meta[name=csrf]").length > 1) found.push(document.querySelectorAll("meta[name=csrf]")[1]);
  return found.map((one) => one.outerHTML.slice(0, 160));
};

/// Those that are letters, digits and marks, and so the same on a page as where they are stored.
const plain = payloads.map((text, at) => [text, at]).filter(([text]) => /^[ -~]+$/.test(text) && !/ {2}|^ | $/.test(text));

await browse(async (browser) => {
  const first = await person(browser);
  await signIn(first, given.keys.all);
  // A page that is not safe is noticed: else everything below would hold for nothing.
  const sane = problems.length;
  await first.evaluate(() => {
    const picture = document.createElement("img");
    picture.src = "https://evil.example/x";
    // Refused at once, and told.
    try { picture.setAttribute("onerror", "window.__xss(0)"); } catch { /* As it should be. */ }
    document.body.append(picture);
    window.__xss("a test of the test");
    alert("a test of the test");
  });
  check((await first.evaluate(foreign)).length > 0, "an element that is not ours is not noticed");
  await until("it is noticed", () => ["dialog", "payload ran", "img-src", "trusted-types-sink"].every((what) => problems.slice(sane).some((one) => one.includes(what))));
  problems.length = sane;
  await first.reload();
  const nav = await first.locator("nav a").evaluateAll((all) => all.map((link) => link.getAttribute("href")));
  const places = { ...given.places, "every page of the side bar": { paths: nav, stored: 0 } };
  const rows = [];
  for (const [place, { paths, stored, marks = [[place, ""]] }] of Object.entries(places)) {
    // Of a page with several texts of others each has a mark before it, so that they are told apart.
    const seen = new Map(marks.map(([name]) => [name, new Set()]));
    const open = [...paths];
    const work = async (page) => {
      for (let path; (path = open.shift()); ) {
        await page.goto(path, { waitUntil: "load" });
        await page.evaluate(() => { for (const one of document.querySelectorAll("details")) one.open = true; });
        // What scripts bring once more is put in place by them.
        if (path.startsWith("/approvals") || path === paths[0]) await page.waitForTimeout(500);
        for (const one of await page.evaluate(foreign)) problems.push(`${path} has ${one}`);
        const text = await page.evaluate(() => document.body.textContent + [...document.querySelectorAll("textarea, input")].map((one) => one.value).join("\n"));
        for (const [payload, at] of plain) for (const [name, mark] of marks) if (text.includes(mark + payload)) seen.get(name).add(at);
      }
    };
    const second = await first.context().newPage();
    await Promise.all([work(first), work(second)]);
    await second.close();
    for (const [name, , least = given.least, count = stored] of marks) {
      const { size } = seen.get(name);
      rows.push([name, String(count), String(size), String(paths.length)]);
      check(size * 100 >= count * least, `${name}: only ${size} payloads were seen`);
    }
    await shot(first, "hostile/" + place.replaceAll(/[^a-z]+/g, "-"), false);
  }
  // Whoever edits a call has its arguments in a form.
  await first.goto("/approvals");
  for (const key of ["j", "e"]) {
    await first.keyboard.press(key);
    await first.waitForTimeout(200);
  }
  for (const one of await first.evaluate(foreign)) problems.push(`the form of a call has ${one}`);
  const head = ["place", "stored", "seen as text", "pages"];
  const widths = head.map((name, at) => Math.max(name.length, ...rows.map((row) => row[at].length)));
  for (const row of [head, ...rows]) console.log(row.map((cell, at) => cell.padEnd(widths[at])).join("  ").trimEnd());
  console.log(`${payloads.length} payloads, ${plain.length} of them plain; ${problems.length} ran, or were more than text`);
});
