import { authorityOf, socketHost, splitAuthority } from "@pagoda/http/grammar";
import { expect, test } from "vitest";

test.each([
  ["shop.example", "shop.example", undefined],
  ["shop.example:80", "shop.example", "80"],
  ["shop.example:", "shop.example", ""],
  ["[2001:db8::1]", "[2001:db8::1]", undefined],
  ["[2001:db8::1]:443", "[2001:db8::1]", "443"],
  ["", "", undefined],
  [":80", "", "80"],
])("splits %s", (authority, host, port) => {
  expect(splitAuthority(authority)).toEqual({ host, port });
});

test("IPv6 addresses have brackets in an authority and none for a socket", () => {
  expect(["[::1]", "::1", "127.0.0.1", "a"].map(socketHost)).toEqual(["::1", "::1", "127.0.0.1", "a"]);
  expect(authorityOf("::1", 80)).toBe("[::1]:80");
  expect(authorityOf("127.0.0.1", 80)).toBe("127.0.0.1:80");
  expect(authorityOf("a.example", 80)).toBe("a.example:80");
});
