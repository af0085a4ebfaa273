import { client, type ClientOptions } from "@pagoda/client";
import { right } from "@pagoda/core";
import { type HttpRequest, httpResponse, text } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import { answering, scripted } from "./given.ts";

/** A client of a server that redirects `/old` to `location` and answers all else with what it was asked. */
function redirecting(location: string, options: ClientOptions = {}) {
  const secret = ({ headers }: HttpRequest) => [headers.get("x-api-key"), headers.get("x-call")];
  return client({
    baseUrl: "http://shop.example",
    headers: { "x-api-key": "secret" },
    connect: (origin) =>
      answering((request) =>
        request.path === "/old"
          ? httpResponse(302, undefined, { location })
          : text(JSON.stringify([request.method, origin + request.path, ...secret(request)])),
      ),
    ...options,
  });
}

const call = { headers: { "x-call": "1" } };

describe("a redirect", () => {
  test("is followed", async () => {
    const result = await redirecting("/new").get("/old", call).text();
    expect(result).toEqual(right('["GET","http://shop.example/new","secret","1"]'));
  });

  test("does not take the client's headers to another origin", async () => {
    const api = redirecting("http://other.example/new", { perHost: true });
    expect(await api.get("/old", call).text()).toEqual(right('["GET","http://other.example/new",null,"1"]'));
  });

  test("takes the client's headers along if they are for all hosts", async () => {
    const api = client({
      headers: { "user-agent": "shop/1", authorization: "secret" },
      connect: (origin) =>
        answering(({ headers }) =>
          origin === "http://a.example"
            ? httpResponse(307, undefined, { location: "http://b.example/" })
            : text(`${headers.get("user-agent")} ${headers.get("authorization")}`),
        ),
    });
    expect(await api.get("http://a.example/").text()).toEqual(right("shop/1 undefined"));
  });

  test("to a host that the client does not call is refused", async () => {
    const result = await redirecting("http://other.example/new").get("/old").text();
    expect(result).toMatchObject({ left: { _tag: "UrlRefused", url: "http://other.example" } });
  });

  test("is followed up to 20 times", async () => {
    const result = await redirecting("/old").get("/old").text();
    expect(result).toMatchObject({ left: { _tag: "TooManyRedirects", maxRedirects: 20 } });
  });

  test("is an error or a response if it is not followed", async () => {
    const api = redirecting("/new", { redirects: false });
    expect(await api.get("/old")).toMatchObject({ left: { _tag: "StatusError", status: 302 } });
    expect(await api.get("/old").stream()).toMatchObject({ right: { status: 302 } });
  });

  test("has the limit of the whole call", async () => {
    const { api, clock, mock } = scripted({ timeoutMs: 100 });
    const asked = api.get("/old").text();
    await clock.advance(60);
    (await mock.next()).answer(httpResponse(302, undefined, { location: "/new" }));
    await clock.advance(40);
    expect(await asked).toMatchObject({ left: { _tag: "TimedOut", afterMs: 100 } });
  });
});
