import { type Either, left, right, service, type Service } from "@pagoda/core";
import { type LeafUnderTest, rulesOf } from "@pagoda/core/testing";
import { bodyFrom, httpResponse, type HttpResponse } from "@pagoda/http";
import { serviceConformance } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";

interface Asked {
  readonly path: string;
}

/** A leaf that returns what `respond` returns. */
function leafWith(respond: () => Either<string, HttpResponse>): () => LeafUnderTest<Asked, HttpResponse> {
  const leaf: Service<Asked, HttpResponse, string> = service("leaf", async (_request: Asked, signal) =>
    signal?.aborted ? left("aborted") : respond(),
  );
  return () => ({ service: leaf, request: () => ({ path: "/" }) });
}

/** Runs one rule and returns its message. */
async function failureOf(
  rule: string,
  makeLeaf: () => LeafUnderTest<Asked, HttpResponse>,
): Promise<string | undefined> {
  return rulesOf((define) => serviceConformance(define, makeLeaf)).get(rule)?.();
}

describe("serviceConformance with bodies", () => {
  serviceConformance(
    test,
    leafWith(() => right(httpResponse(200, bodyFrom(["a", "b"])))),
  );

  test("finds a leaf whose response body breaks off", async () => {
    const leaf = leafWith(() => right(httpResponse(200, bodyFrom(breaking()))));
    expect(await failureOf("returns a response as a value", leaf)).toContain(
      "the body of the response broke off",
    );
  });

  test("finds a leaf that accepts another call only after a response was read", async () => {
    let isBusy = false;
    const leaf = leafWith(() => {
      if (isBusy) return left("busy");
      isBusy = true;
      const response = httpResponse(200, bodyFrom(["a", "b"]));
      response.body.observe((complete) => (isBusy = !complete));
      return right(response);
    });
    expect(await failureOf("an unread response can be discarded", leaf)).toContain(
      "the call after a discarded response was not answered",
    );
  });
});

async function* breaking(): AsyncGenerator<string, void, undefined> {
  yield "a";
  throw new Error("broke off");
}
