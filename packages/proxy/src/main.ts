#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { main } from "./commands/main.ts";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  readonly version: string;
};

process.exit(await main(process.argv.slice(2), { version }));
