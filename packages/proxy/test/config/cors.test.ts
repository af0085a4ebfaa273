import { isLeft } from "@pagoda/core";
import { expect, test } from "vitest";
import { problemText } from "../../src/config/document.ts";
import { readConfig } from "../../src/config/read.ts";

function problems(cors: object): string[] {
  const routes = [{ name: "a", respond: { status: 204 } }];
  const read = readConfig(JSON.stringify({ listeners: [{ address: "127.0.0.1:0", cors, routes }] }));
  return isLeft(read) ? read.left.map((each) => problemText("f", each).replace(/^f:1:\d+: /, "")) : [];
}

const app = "https://app.example";

test.each([
  [{ origins: "*" }],
  [{ origins: "*", exposedHeaders: ["*"], maxAge: "0ms" }],
  [{ origins: [app, "https://*.app.example", "http://localhost:3000"], credentials: true }],
])("accepts %j", (cors) => {
  expect(problems(cors)).toEqual([]);
});

const wildcard =
  /^listeners\[0\]\.cors\.credentials: must be false with \*, which browsers reject or take literally/;

test.each([
  [{ origins: "*", credentials: true }, wildcard],
  [{ origins: [app], credentials: true, headers: ["*"] }, wildcard],
  [{ origins: [app], credentials: true, exposedHeaders: ["*"] }, wildcard],
  [
    { origins: [`${app}/`] },
    /^listeners\[0\]\.cors\.origins.*must be .*origins? such as https:\/\/app\.example/,
  ],
  [{ origins: app }, /^listeners\[0\]\.cors\.origins: must be "\*", or a list of origins/],
  [{ origins: [] }, /^listeners\[0\]\.cors\.origins: must be/],
  [
    { origins: "*", methods: ["GET, PUT"] },
    /^listeners\[0\]\.cors\.methods\[0\]: must be a method or the name/,
  ],
])("rejects %j", (cors, problem) => {
  const found = problems(cors);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(problem);
});
