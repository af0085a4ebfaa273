import { handler } from "./shop.ts";

export default { fetch: handler };
