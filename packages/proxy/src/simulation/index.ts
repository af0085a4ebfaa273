export { alertRules } from "./report/alerts.ts";
export { htmlReport } from "./report/html.ts";
export { unmet } from "./report/measurements.ts";
export { textReport } from "./report/text.ts";
export { readScenario } from "./scenario/read.ts";
export { simulate } from "./simulate.ts";
export { simulatable } from "./world/configuration.ts";
