import { requests } from "./rows/requests.ts";
import { upstreams } from "./rows/clusters.ts";
import { limits } from "./rows/limits.ts";
import { proxy } from "./rows/proxy.ts";
import { authorization } from "./rows/authorization.ts";
import type { Row } from "./row.ts";

/** From the top. */
export const rows: readonly Row[] = [requests, upstreams, limits, authorization, proxy];
