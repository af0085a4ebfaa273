// Prints the memory that each of many open streams takes, in bytes. Argument: the coding.
import { randomBytes } from "node:crypto";
import { get, page, Reader, Source, through } from "./bench.ts";
import { httpResponse } from "@pagoda/http";

const count = 30;
// As text, so that it can be compressed, and longer than any window.
const content = Buffer.from(randomBytes(700_000).toString("base64"));
const [, , coding = ""] = process.argv;

/** Opens streams, and waits until all of it has been compressed. */
async function open(): Promise<Source[]> {
  const sources: Source[] = [];
  for (let n = 0; n < count; n++) {
    const source = new Source();
    const response = { ...httpResponse(200, undefined, page), body: source };
    const reader = new Reader((await through(get({ "accept-encoding": coding }), response)).body);
    source.give(content);
    // After the flush, nothing is left to be compressed.
    let size = 0;
    while (size < content.length / 2) {
      await reader.until(() => reader.chunks.length > 0);
      for (const chunk of reader.chunks.splice(0)) size += chunk.length;
    }
    sources.push(source);
  }
  return sources;
}

const before = process.memoryUsage.rss();
const sources = await open();
gc?.();
console.log((process.memoryUsage.rss() - before) / count);
for (const source of sources) source.cancel();
