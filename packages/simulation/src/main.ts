// `npm run simulate`: runs until an invariant is violated and prints how to reproduce it.
import { main } from "./cli.ts";

process.exitCode = await main(process.argv.slice(2), {
  out: (line) => console.log(line),
  error: (line) => console.error(line),
  now: () => performance.now(),
});
