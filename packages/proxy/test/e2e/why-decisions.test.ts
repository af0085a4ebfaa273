import { expect, test } from "vitest";
import { call } from "./client.ts";
import { configured, Folder, through } from "./configured.ts";
import { origin } from "./origin.ts";
import { type Pagoda, until } from "./program.ts";

/** What `pagoda why` prints about the request of each of some calls, in order. */
async function stories(pagoda: Pagoda, calls: number): Promise<readonly string[]> {
  const texts: string[] = [];
  for (let n = 0; n < calls; n++) {
    const { message } = await call(pagoda.url);
    const { body } = await until(
      () =>
        call(`${pagoda.adminUrl}/requests/${message.headers["x-request-id"] as string}`, {
          headers: { accept: "text/plain" },
        }),
      ({ status }) => status === 200,
    );
    texts.push(body);
  }
  return texts;
}

test("the call that opens a breaker says so, and of which endpoint, and no other does", async () => {
  using folder = new Folder();
  await using failing = await origin((_message, response) => response.writeHead(500).end());
  const policies = { circuitBreaker: { failures: 2, open: "1m" } };
  await using pagoda = await configured(folder, through({ endpoints: [failing.url], policies }));
  const [first, second, third] = await stories(pagoda, 3);
  expect(first).not.toContain("opened by this call");
  expect(second).toMatch(
    new RegExp(
      `circuit-breaker of ${failing.url}: opened by this call for [\\d.]+ (s|min): 2 failures in a row`,
    ),
  );
  expect(third).not.toContain("opened by this call");
  expect(third).toContain(`circuit-breaker of ${failing.url}: refused: the circuit is open`);
});

test("the call that gets an endpoint ejected says so", async () => {
  using folder = new Folder();
  await using one = await origin((_message, response) => response.writeHead(500).end());
  await using other = await origin((_message, response) => response.writeHead(500).end());
  const cluster = {
    endpoints: [one.url, other.url],
    outliers: { consecutiveFailures: 2, ejection: "1m", maxEjected: "50%" },
  };
  await using pagoda = await configured(folder, through(cluster));
  const texts = await stories(pagoda, 4);
  const ejecting = texts.filter((text) => text.includes("ejected by this call"));
  expect(ejecting).toHaveLength(1);
  expect(ejecting[0]).toMatch(
    /outlier-detection: http:\S+ was ejected by this call for 1 min: 2 failures in a row/,
  );
});
