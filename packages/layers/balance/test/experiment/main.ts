// Reproduces linkerd's experiment and draws the plot in the README.
import { writeFileSync } from "node:fs";
import { percentile, shareWithin } from "./experiment.ts";
import { plot } from "./plot.ts";
import { plotFile, run, shownSeed } from "./run.ts";

const all = await run(shownSeed);
for (const { name, latencies } of all) {
  const within = `${(100 * shareWithin(latencies, 1_000)).toFixed(2)}% within 1 s`;
  const shown = [0.5, 0.99, 0.999, 0.9999].map((share) => {
    return `p${100 * share} ${percentile(latencies, share).toFixed(0)} ms`;
  });
  console.log([name.padEnd(14), within, ...shown].join("   "));
}
writeFileSync(plotFile, plot(all));
