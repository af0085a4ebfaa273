import type { Outcome } from "@pagoda/core";
import { outlierDetection } from "@pagoda/health";
import type { Group } from "./subject.ts";

const count = 64;
const success: Outcome = { kind: "success", retryable: false };

export const healthSources: Group = {
  name: "health",
  subjects: [
    {
      what: "health outlier detection, a call of one of 64 endpoints has succeeded",
      prepare() {
        const detection = outlierDetection();
        const watches = Array.from({ length: count }, (_, n) =>
          detection.watch({ key: `http://10.0.0.${n}:8080` }, () => {}),
        );
        let at = 0;
        return {
          run() {
            at = (at + 1) % count;
            return watches[at]?.ended?.(success);
          },
          end() {
            for (const watch of watches) watch.close();
          },
        };
      },
      target: { mostNs: 20 },
    },
  ],
};
