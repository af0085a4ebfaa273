import { AssertionError } from "node:assert";
import { isLeft, left, right, type Service } from "@pagoda/core";
import { bodyOf, HttpHeaders, type HttpRequest, type HttpResponse } from "@pagoda/http";
import { clientContract, type MakeClient } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";
import { contractClient } from "./contract-client.ts";

type Client = Service<HttpRequest, HttpResponse, unknown>;

/** The rules of the contract for this client with a defect, by name. */
function rulesFor(
  defect: (inner: Client) => Partial<Client>,
  limitMs?: number,
): ReadonlyMap<string, () => Promise<void>> {
  const makeClient: MakeClient = (url, settings) => {
    const { service, close } = contractClient(url, settings);
    return { service: { ...service, ...defect(service) }, close };
  };
  const rules = new Map<string, () => Promise<void>>();
  clientContract(
    (name, run) => rules.set(name.replace("client contract: ", ""), run),
    makeClient,
    limitMs === undefined ? {} : { limitMs },
  );
  return rules;
}

function changingRequests(change: (request: HttpRequest) => HttpRequest) {
  return (inner: Client): Partial<Client> => ({
    call: (request, signal) => inner.call(change(request), signal),
  });
}

function changingResponses(change: (response: HttpResponse) => HttpResponse) {
  return (inner: Client): Partial<Client> => ({
    async call(request, signal) {
      const result = await inner.call(request, signal);
      return isLeft(result) ? result : right(change(result.right));
    },
  });
}

function changingFaults(change: object) {
  return (inner: Client): Partial<Client> => ({
    async call(request, signal) {
      const result = await inner.call(request, signal);
      return isLeft(result) ? left({ ...(result.left as object), ...change }) : result;
    },
  });
}

/** Reads the whole body before it returns the response. */
async function collected(inner: Client, request: HttpRequest, signal: AbortSignal | undefined) {
  const result = await inner.call(request, signal);
  if (isLeft(result)) return result;
  const bytes = await result.right.body.bytes({ maxBytes: Infinity });
  return right({ ...result.right, body: bodyOf(isLeft(bytes) ? "" : bytes.right) });
}

describe("the contract notices a client that", () => {
  test.each([
    [
      "drops fields",
      changingRequests((request) => ({ ...request, headers: HttpHeaders.empty })),
      "all fields are sent, repetitions in their order",
    ],
    [
      "decodes the path",
      changingRequests((request) => ({ ...request, path: request.path.replace("%2F", "/") })),
      "the target is sent unchanged",
    ],
    [
      "sends an invalid request without its invalid field",
      changingRequests((request) => ({ ...request, headers: HttpHeaders.empty })),
      "a request with a line feed in a field is RequestInvalid",
    ],
    [
      "calls again what was processed",
      changingFaults({ processed: false }),
      "an origin that closes instead of answering is ConnectionBroken: end",
    ],
    [
      "blames itself",
      changingFaults({ origin: "local" }),
      "a refused connection is ConnectFailed, and the request was not processed",
    ],
    [
      "returns a body that broke off as complete",
      (inner: Client) => ({
        call: (request: HttpRequest, signal?: AbortSignal) => collected(inner, request, signal),
      }),
      "a response body with a Content-Length is broken when the origin dies: end",
    ],
    [
      "buffers the response",
      (inner: Client) => ({
        call: (request: HttpRequest, signal?: AbortSignal) => collected(inner, request, signal),
      }),
      "a reader that pauses stops the origin",
    ],
    [
      "drops trailers",
      changingResponses((response) => ({ ...response, body: bodyOf("abc") })),
      "a chunked body has no length, and trailers follow it",
    ],
    [
      "ignores aborts",
      (inner: Client) => ({ call: (request: HttpRequest) => inner.call(request) }),
      "an abort while waiting for the headers closes the connection",
    ],
    [
      "is always ready",
      () => ({ ready: () => undefined }),
      "concurrent calls each have a connection, up to the limit, beyond which they are PoolExhausted",
    ],
    [
      "drops 1xx responses",
      changingRequests((request) => ({ ...request, onInformation: undefined })),
      "1xx responses reach onInformation",
    ],
    [
      "keeps no notes",
      changingRequests((request) => ({ ...request, notes: { tries: 0 } })),
      "notes name the upstream and count the call",
    ],
  ])("%s", async (_what, defect, rule) => {
    const run = rulesFor(defect, 1_000).get(rule);
    await expect(run?.()).rejects.toBeInstanceOf(AssertionError);
    // The same rule holds without the defect.
    await rulesFor(() => ({})).get(rule)?.();
  });
});
