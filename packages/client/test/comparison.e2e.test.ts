// What the README says about other clients: each cell of its first table is a result of this test.
import { readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { fileURLToPath } from "node:url";
import { isLeft, left, right } from "@pagoda/core";
import got from "got";
import { describe, expect, onTestFinished, test } from "vitest";
import { startOrigin } from "./given.ts";
import { type Caller, peers } from "./peers.ts";

type Behaviour = (start: Start) => Promise<boolean>;
type Start = (answer: RequestListener, breaker?: boolean) => Promise<Caller>;

/** Whether a call succeeds, and with what. */
async function outcome(call: Promise<string>) {
  try {
    return right(await call);
  } catch (error) {
    return left(error);
  }
}

const behaviours: Readonly<Record<string, Behaviour>> = {
  "retries a GET after a 503": async (start) => {
    const { answer, asked } = failingOnce();
    const result = await outcome((await start(answer)).get("a"));
    return !isLeft(result) && asked() === 2;
  },

  "does not retry a POST after a 503": async (start) => {
    const { answer, asked } = failingOnce();
    await outcome((await start(answer)).post("a"));
    return asked() === 1;
  },

  "retries a POST with an `Idempotency-Key`": async (start) => {
    const { answer, asked } = failingOnce();
    await outcome((await start(answer)).post("a", { "idempotency-key": "7" }));
    return asked() === 2;
  },

  "waits for as long as `Retry-After` says": async (start) => {
    const times: number[] = [];
    const caller = await start((_, response) => {
      times.push(performance.now());
      response.writeHead(times.length % 2 === 1 ? 503 : 200, { "retry-after": "1" }).end("ok");
    });
    // Twice, because one wait may be long because this machine is busy.
    await outcome(caller.get("a"));
    await outcome(caller.get("a"));
    const [first = 0, second = 0, third = 0, fourth = 0] = times;
    return Math.min(second - first, fourth - third) >= 950;
  },

  "repeats a GET whose response body breaks off": async (start) => {
    let asked = 0;
    const caller = await start((request, response) => {
      response.setHeader("content-length", 4);
      if (++asked > 1) return response.end("last");
      return response.write("fi", () => request.socket.destroy());
    });
    const result = await outcome(caller.get("a"));
    return !isLeft(result) && result.right === "last";
  },

  "stops calling a host that only fails": async (start) => {
    let asked = 0;
    const caller = await start((_, response) => {
      asked++;
      response.writeHead(500).end();
    });
    for (let n = 0; n < 30; n++) await outcome(caller.get("a"));
    return asked < 30;
  },

  "bounds retries by a share of the calls": async (start) => {
    let asked = 0;
    const caller = await start((_, response) => {
      asked++;
      response.writeHead(503).end();
    }, false);
    await Promise.all(Array.from({ length: 200 }, () => outcome(caller.get("a"))));
    return asked < 400;
  },

  "refuses a path that leaves the base URL with dot segments": async (start) => {
    const paths: (string | undefined)[] = [];
    const caller = await start(({ url }, response) => {
      paths.push(url);
      response.end();
    });
    await outcome(caller.get("users/../../admin"));
    return !paths.includes("/admin");
  },
};

function failingOnce() {
  let count = 0;
  const answer: RequestListener = (request, response) => {
    request.resume();
    request.on("end", () => response.writeHead(++count === 1 ? 503 : 200).end("ok"));
  };
  return { answer, asked: () => count };
}

/** The cells of the table in the README. */
function table(): string[][] {
  const readme = readFileSync(fileURLToPath(new URL("../README.md", import.meta.url)), "utf8");
  const [, rows = ""] = /<!-- tested -->([^]*?)<!-- \/tested -->/u.exec(readme) ?? [];
  return rows
    .split("\n")
    .filter((line) => line.startsWith("|") && !line.startsWith("| -"))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const [header = [], ...rows] = table();

test("the table has all clients and behaviours", () => {
  expect(header.slice(1)).toEqual(Object.keys(peers));
  expect(rows.map(([behaviour]) => behaviour)).toEqual(Object.keys(behaviours));
});

describe.each(Object.entries(peers))("%s", (name, make) => {
  test.each(Object.entries(behaviours))("%s", async (behaviour, run) => {
    const start: Start = async (answer, breaker = true) => {
      const { url } = await startOrigin(answer);
      const caller = make(`${url}/v1`, { breaker });
      onTestFinished(() => caller.close?.());
      return caller;
    };
    const row = rows.find(([first]) => first === behaviour);
    expect((await run(start)) ? "yes" : "no").toBe(row?.[header.indexOf(name)]);
  });
});

test("got's timeout.request limits each attempt, not the call", async () => {
  let asked = 0;
  const { url } = await startOrigin(() => asked++);
  const retry = { limit: 2, backoffLimit: 0, noise: 0 };
  await outcome(got(url, { timeout: { request: 200 }, retry }).text());
  expect(asked).toBe(3);
});
