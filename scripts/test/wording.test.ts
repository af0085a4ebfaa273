import { expect, test } from "vitest";
import { wordingFaults } from "../checks/wording.ts";

test.each([
  ["attempts is 0; valid is 1", '"valid is": <field> must be <what> (got <value>)'],
  ["an address must be said", '"must be said": required'],
  ["`false`: it is none", '"is none": is not a …, there is no …'],
  ["a route is no cluster", '"is no": is not a …'],
  ["refused, for there are too many", '"for there are": because …'],
  ["requests under way are completed", '"under way": in flight, in progress'],
  ["a pool with so many connections", '"with so many": this many, n, a number of'],
  ["an observer hears of each try", '"hears of": is notified of, reports'],
  ["the body is sent as it stands", '"as it stands": as is, unchanged'],
  ["Whoever waits, waits in order", '"Whoever": a caller that …, the client that …'],
])("%j contains a phrase to avoid", (line, fault) => {
  expect(wordingFaults("a.md", `fine\n${line}`)).toEqual([`a.md:2: ${fault}`]);
});

test.each([
  "there is no endpoint",
  "the limit is no longer reached",
  "the value is valid; islands are not",
  "the request is told apart from others",
])("%j is accepted", (line) => {
  expect(wordingFaults("a.md", line)).toEqual([]);
});
