import { hostOf } from "@pagoda/core";
import { expect, test } from "vitest";

test.each([
  ["shop.example", "shop.example"],
  ["Shop.Example:8080", "shop.example"],
  ["shop.example.", "shop.example"],
  ["shop.example.:80", "shop.example"],
  ["shop.example:", "shop.example"],
  ["10.0.0.1:80", "10.0.0.1"],
  ["[2001:DB8::1]:443", "[2001:db8::1]"],
  ["[2001:db8:0:0:0:0:0:1]", "[2001:db8::1]"],
  ["[::ffff:10.0.0.1]:80", "10.0.0.1"],
  ["[::ffff:a00:1]", "10.0.0.1"],
  ["[v1.FE]", "[v1.fe]"],
  ["", ""],
])("the host of %j is %j", (authority, host) => {
  expect(hostOf(authority)).toBe(host);
});
