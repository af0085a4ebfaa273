// `npm run screenshots`: pictures of the live page as its sources are now.
import { setup } from "./page.ts";

await setup();
await import("../packages/proxy/page/screenshots/main.ts");
