// `npm run screenshots`: takes the pictures of the live page in docs/images, of a real proxy whose origins misbehave.
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type BrowserContextOptions, chromium } from "playwright-core";
import { Scene } from "./scene.ts";

const images = fileURLToPath(new URL("../../../../docs/images/", import.meta.url));

const desktop: BrowserContextOptions = { viewport: { width: 1_280, height: 900 } };
const telephone: BrowserContextOptions = { viewport: { width: 390, height: 844 }, colorScheme: "dark" };

const { values } = parseArgs({ options: { seconds: { type: "string", default: "300" } } });
mkdirSync(images, { recursive: true });
const executablePath = execFileSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim();
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
await using scene = await Scene.begin();
console.log(`traffic for ${values.seconds} s, so that there is a history`);
const sending = scene.send();
const pictures = async (): Promise<void> => {
  for (const [name, path, shows, options] of [
    ["page-light", "/", "Listeners and routes", desktop],
    [
      "page-dark",
      "/?open=route%20web%2Fcart#routes",
      "Listeners and routes",
      { ...desktop, colorScheme: "dark" },
    ],
    ["page-request", `/?view=request&id=${await scene.troubledRequest()}`, "Step by step", desktop],
    ["page-phone", "/", "Listeners and routes", telephone],
  ] as const) {
    const page = await browser.newPage(options);
    await page.goto(scene.adminUrl + path);
    await page.getByText(shows).waitFor();
    // Before, the figures above everything are missing or jump.
    await page.getByText(/^live, the last 10 s/).waitFor();
    await page.screenshot({ path: join(images, `${name}.png`) });
    await page.close();
    console.log(`docs/images/${name}.png`);
  }
};
setTimeout(
  () => {
    void pictures()
      .catch((error: unknown) => {
        console.error(error);
        process.exitCode = 1;
      })
      .finally(() => scene.stop());
  },
  Number(values.seconds) * 1_000,
);
await sending;
await browser.close();
