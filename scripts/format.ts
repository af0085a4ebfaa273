import { command } from "./command.ts";

const { code } = await command("oxfmt", ["--write", "."], { live: true });
process.exitCode = code;
