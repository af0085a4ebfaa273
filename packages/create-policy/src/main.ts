#!/usr/bin/env node
import { readFileSync } from "node:fs";

const { version, engines } = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8"),
) as { readonly version: string; readonly engines: { readonly node: string } };

// Before anything else is loaded: on an older Node, loading fails without a helpful message.
const oldest = Number(/\d+/.exec(engines.node)?.[0]);
if (Number.parseInt(process.versions.node, 10) >= oldest) {
  const [{ create }, { generatePolicy }] = await Promise.all([
    import("@pagoda/create-layer"),
    import("./generate.ts"),
  ]);
  const creator = {
    program: "create-policy",
    version,
    usage: "Usage: npm create @pagoda/policy NAME",
    flags: [],
    generate: generatePolicy,
  };
  const { code, text } = create(creator, process.argv.slice(2), process.cwd());
  if (code === 0) console.log(text);
  else console.error(text);
  process.exitCode = code;
} else {
  console.error(`create-policy needs Node ${oldest}.0 or newer (this is ${process.versions.node})`);
  process.exitCode = 1;
}
