// A worker process of the proxies in `embedded.test.ts`.
import { runWorker } from "../../src/worker.ts";
import tenant from "../../examples/policies/tenant.ts";

runWorker({ policies: [tenant] });
