#!/usr/bin/env node
import { readFileSync } from "node:fs";

const { version, engines } = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8"),
) as { readonly version: string; readonly engines: { readonly node: string } };

// Before anything else is loaded: on an older Node, loading fails without a helpful message.
const [major = 0, minor = 0] = numbers(process.versions.node);
const [oldestMajor = 0, oldestMinor = 0] = numbers(engines.node);
if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) {
  const { main } = await import("./commands/main.ts");
  // All output is written, and open handles must not delay the end of the process.
  process.exit(await main(process.argv.slice(2), { version, self: [import.meta.filename] }));
} else {
  console.error(
    `pagoda needs Node ${oldestMajor}.${oldestMinor} or newer (this is ${process.versions.node})`,
  );
  process.exitCode = 1;
}

function numbers(versions: string): number[] {
  return (versions.match(/\d+/g) ?? []).map(Number);
}
