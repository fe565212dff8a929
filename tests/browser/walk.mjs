// Walks through the console and the portal in a real browser, as each of the staff and as a person: makes a
// request, confirms it, reads the mail, opens the link, comes back with the used one. Every page is looked at
// in both themes and two widths, weighed, and checked for faults of accessibility.
//
// What it needs comes as one JSON object in the first argument; what was wrong goes to standard output.
import { createRequire } from "node:module";
import { readFileSync, mkdirSync } from "node:fs";
import path from "node:path";

const world = JSON.parse(process.argv[2]);
const require = createRequire(path.join(world.modules, "package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
mkdirSync(world.screens, { recursive: true });

const faults = [];
const fault = (what) => faults.push(what);
const browser = await chromium.launch({ executablePath: world.chromium, args: ["--no-sandbox"] });

// Copies of pages where a checker may run: ours let no script.
const checkers = {};
for (const colorScheme of ["light", "dark"]) {
  const context = await browser.newContext({ bypassCSP: true, colorScheme });
  checkers[colorScheme] = await context.newPage();
}

/** A browser of somebody's own, in which nothing may run and nothing be loaded from elsewhere. */
async function visitor() {
  const context = await browser.newContext({ baseURL: world.gateway, acceptDownloads: true });
  const page = await context.newPage();
  page.on("dialog", (dialog) => { fault(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("pageerror", (error) => fault(`a script failed: ${error.message}`));
  page.on("console", (line) => { if (line.type() === "error" && !/status of 4\d\d/.test(line.text())) fault(`the browser says: ${line.text()}`); });
  page.on("request", (request) => {
    // A file is sent to its bucket directly, and fetched from there.
    const isFile = request.isNavigationRequest() && request.url().startsWith(world.files);
    if (!request.url().startsWith(world.gateway) && !isFile) fault(`loads ${request.url()}`);
  });
  return page;
}

/** Looks at a page from all sides. */
async function look(page, name) {
  const weight = Buffer.byteLength(await page.content());
  if (weight > 60 * 1024) fault(`${name} weighs ${weight} bytes`);
  for (const [width, height] of [[1440, 900], [390, 844]]) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      const file = path.join(world.screens, `${name}-${width}-${colorScheme}.png`);
      await page.screenshot({ path: file, fullPage: true });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      if (overflow > 0) fault(`${name} is ${overflow} pixels too wide at ${width}`);
      const copy = checkers[colorScheme];
      await copy.setViewportSize({ width, height });
      await copy.setContent(await page.content());
      await copy.evaluate(axe);
      const { violations } = await copy.evaluate(() => globalThis.axe.run());
      for (const { id, impact, nodes } of violations) {
        if (["serious", "critical"].includes(impact)) {
          fault(`${name} at ${width}, ${colorScheme}: ${id}: ${nodes.map((node) => node.html).join(" ")}`);
        }
      }
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 });
}

async function expect(page, text, where) {
  if (!(await page.textContent("body")).includes(text)) fault(`no ${text} in ${where}`);
}

/** Signs somebody of the staff in. */
async function signIn(name) {
  const page = await visitor();
  await page.goto("/console");
  if (name === "Dana Dahl") await look(page, "sign-in");
  await page.click(`button:has-text("${name}")`);
  await expect(page, name, "the overview");
  return page;
}

for (const name of ["Alex Aalto", "Noa Nym"]) {
  const page = await signIn(name);
  await look(page, `overview-of-${name.split(" ")[0].toLowerCase()}`);
}

// Customer care makes a request.
const casey = await signIn("Casey Kern");
await casey.click("text=Make a new PDR");
await look(casey, "find");
await casey.fill("input[name=identity]", world.email);
await casey.click("button:has-text('Find')");
await look(casey, "found");
await casey.click(".cards a");
await look(casey, "person");
await casey.selectOption("select[name=kind]", "correction");
await casey.fill("textarea[name=remarks]", "Called support: born in May, not in March.");
await casey.click("button:has-text('Make the request')");
await expect(casey, "born in May", "the request");
await look(casey, "request-read-only");
const request = casey.url();

// The privacy team confirms it, and tells the person.
const robin = await signIn("Robin Rask");
await robin.click("nav >> text=Requests");
await look(robin, "requests");
const [sheet] = await Promise.all([robin.waitForEvent("download"), robin.click("text=Export to Excel")]);
if (!sheet.suggestedFilename().endsWith(".xlsx")) fault("the export is no spreadsheet");
await robin.goto(request);
await look(robin, "request");
await robin.click("summary:has-text('Attach a file')");
await robin.fill("input[name=label]", "Letter of 2 March");
await robin.click("button:has-text('Choose the file')");
await look(robin, "upload");
const letter = { name: "letter.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.7\nDear Alice,") };
await robin.setInputFiles("input[name=file]", letter);
await robin.click("button:has-text('Send it')");
await expect(robin, "being looked at", "the request");
if (!robin.url().startsWith(request)) fault(`the upload leads to ${robin.url()}`);
await fetch(`${world.gateway}/_local/advance`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ seconds: 60 }),
});
await robin.goto(request);
await expect(robin, "PDF, 20 bytes", "the request");
await look(robin, "request-with-file");
await robin.fill("textarea[name=comment]", "We have corrected your date of birth.");
await robin.fill("textarea[name=remarks]", "Saw the passport.");
await robin.check("input[name=notify]");
await robin.click("button:has-text('Confirm processed')");
await expect(robin, "Confirmed as processed", "the request");
await look(robin, "request-confirmed");

// The officer plans an erasure and has a takeout made.
const dana = await signIn("Dana Dahl");
await look(dana, "overview");
await dana.goto(world.access);
await dana.click("button:has-text('Start the takeout')");
await look(dana, "takeout-started");
await dana.goto(world.erasure);
await look(dana, "request-erasure");
await dana.click("button:has-text('Plan the erasure')");
await look(dana, "plan");
await dana.goto("/console/requests/00000000-0000-0000-0000-000000000000");
await look(dana, "not-found");

// The person reads the mail.
await fetch(`${world.gateway}/_local/drain`, { method: "POST" });
const person = await visitor();
await person.goto("/_local/outbox");
await expect(person, "We have corrected your date of birth.", "the mail");
await expect(person, "Robin Rask", "the mail");
if ((await person.textContent("body")).includes("passport")) fault("internal remarks in a mail");
await look(person, "outbox");

// And opens the link, which no scanner uses up.
for (let time = 0; time < 100; time += 1) await person.goto(world.link);
await look(person, "view-button");
await person.click("button:has-text('Show my requests')");
await expect(person, "We have corrected your date of birth.", "the view");
if (person.url().includes("ssdt")) fault("the token stays in the address");
await look(person, "view");
const [file] = await Promise.all([person.waitForEvent("download"), person.click("text=Letter of 2 March")]);
if (file.suggestedFilename() !== "attachment.pdf") fault(`the file is called ${file.suggestedFilename()}`);
await person.click("text=Receipt");
await look(person, "receipt");
await person.goto("/receipt");
await look(person, "receipt-question");
await person.goto(world.link);
await person.click("button:has-text('Show my requests')");
await expect(person, "This link does not work", "the used link");
await look(person, "used-link");

// Somebody is in doubt who it is, and a code shows it.
await robin.goto(world.restriction);
await robin.click("summary:has-text('Change it')");
await robin.click("button:has-text('Ask by a code')");
await expect(robin, "A code was mailed to the person: Robin Rask", "the request in doubt");
await robin.click("summary:has-text('Somebody acts for the person')");
await robin.fill("input[name=name]", "Bo Berg, attorney");
await robin.click("button:has-text('Note it')");
await look(robin, "request-in-doubt");
await fetch(`${world.gateway}/_local/drain`, { method: "POST" });
const mails = await (await fetch(`${world.gateway}/_local/outbox`)).json();
const [, code, receipt] = /^(\d{8})$[^]*(\/receipt\?code=[\w-]+)/m.exec(mails.at(-1).text);
await person.goto(receipt);
await look(person, "receipt-in-doubt");
await person.fill("input[name=proof]", code);
await person.click("button:has-text('Confirm')");
await expect(person, "that was the code", "the receipt");
await look(person, "receipt-proved");
await robin.goto(world.restriction);
await expect(robin, "The code was entered", "the trail");

await dana.goto("/console");
await dana.click("text=Sign out");
await expect(dana, "Signed out", "the page after signing out");
await look(dana, "signed-out");

await browser.close();
console.log(JSON.stringify(faults, null, 2));
process.exit(faults.length === 0 ? 0 : 1);
