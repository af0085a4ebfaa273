export { checkRequest } from "./check-request.ts";
export { checkResponse } from "./check-response.ts";
