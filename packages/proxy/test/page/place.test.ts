import { expect, test } from "vitest";
import { address, placeIn, requestsPlace } from "../../page/src/place.ts";

test("a place survives in its address, whatever its names are", () => {
  const place = { ...placeIn(""), q: "a&b=c#d", failing: true, listener: "web", open: "route web/<img>" };
  expect(placeIn(new URL(address(place), "http://host").search)).toEqual(place);
});

test("what is not set is not in the address", () => {
  expect(address({})).toBe("/");
  expect(address({ view: "requests", reason: "failed" })).toBe("/?view=requests&reason=failed");
});

test("unknown views are the overview", () => {
  expect(placeIn("?view=admin").view).toBe("overview");
});

test("a query of /requests leads to the same requests in the page", () => {
  expect(address(requestsPlace("route=api&reason=failed&limit=50"))).toBe(
    "/?view=requests&reason=failed&route=api",
  );
});

test("the fragment opens a folded section, and nothing else", () => {
  expect(placeIn("?q=a&open=route+web/api", "#workers")).toMatchObject({ q: "a", open: "workers" });
  expect(placeIn("?open=route+web/api", "#routes").open).toBe("route web/api");
});
