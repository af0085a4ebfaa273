import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";
import { beforeAll } from "vitest";
import { find } from "./system.ts";

/** Chromium for all tests of a file, which call `needs("chromium")` so that they are skipped without it. */
export function withBrowser(): () => Browser {
  let browser: Browser;
  beforeAll(async () => {
    const executablePath = find("chromium");
    if (executablePath === undefined) return undefined;
    browser = await launched(executablePath);
    return () => browser.close();
  });
  return () => browser;
}

export function launched(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** A page in a context of its own, and everything that goes wrong in it. */
export class Viewed implements AsyncDisposable {
  readonly page: Page;
  /** Errors of scripts, failed requests, and what the Content-Security-Policy has refused. */
  readonly problems: string[] = [];
  /** The origins of all requests. */
  readonly origins: Set<string> = new Set();
  readonly #context: BrowserContext;

  private constructor(context: BrowserContext, page: Page) {
    this.#context = context;
    this.page = page;
    page.on("pageerror", (error) => this.problems.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") this.problems.push(message.text());
    });
    page.on("dialog", (dialog) => {
      this.problems.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("request", (request) => this.origins.add(new URL(request.url()).origin));
  }

  static async open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Viewed> {
    const context = await browser.newContext(options);
    const viewed = new Viewed(context, await context.newPage());
    await viewed.page.goto(url);
    return viewed;
  }

  /** Evaluates an expression of the page, whose globals the types of tests lack. */
  evaluate<Value>(expression: string): Promise<Value> {
    return this.page.evaluate(expression);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close();
  }
}
