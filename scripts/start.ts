// `npm start`: runs `pagoda` from its sources, with the live page built from its own.
import { ensurePage } from "./page.ts";

const { code, output } = await ensurePage();
// The proxy serves without it, and says so at the address of the page.
if (code !== 0) console.error(`The live page cannot be built:\n${output}`);
await import("../packages/proxy/src/main.ts");
