// The computed tables of docs/scale.md follow from its measured one.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { leasing } from "../scale/leases.ts";
import { controlPlaneTable, measuredIn, measuredTable, page, redisTable } from "../scale/page.ts";

const text = readFileSync(page, "utf8");
const measured = measuredIn(text);

/** The cells of a table, without the padding of the formatter. */
function cellsOf(table: string): readonly (readonly string[])[] {
  const lines = table.split("\n").filter((line) => line.startsWith("|") && !/^[|: -]+$/.test(line));
  return lines.map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function tableOn(name: string): readonly (readonly string[])[] {
  const [, section = ""] = new RegExp(`<!-- ${name} -->([^]*)<!-- /${name} -->`).exec(text) ?? [];
  return cellsOf(section);
}

describe("docs/scale.md is what `npm run scale -- --write` writes:", () => {
  test("the measured figures", () => expect(tableOn("measured")).toEqual(cellsOf(measuredTable(measured))));

  test("1,000 proxies on one Redis", async () => {
    expect(tableOn("redis")).toEqual(cellsOf(await redisTable(measured)));
  });

  test("1,000 proxies on one control plane", () => {
    expect(tableOn("control plane")).toEqual(cellsOf(controlPlaneTable(measured)));
  });
});

describe("leasing proxies", () => {
  test("without a lease ask once for each call", async () => {
    const { commandsPerSecond, atOnce } = await leasing({
      proxies: 10,
      perSecond: 10,
      leaseMs: 0,
      forMs: 5_000,
    });
    expect(commandsPerSecond).toBeGreaterThan(95);
    expect(commandsPerSecond).toBeLessThan(105);
    expect(atOnce).toBe(0);
  });

  test("below the limit are refused nothing", async () => {
    for (const leaseMs of [0, 20, 100])
      expect(await leasing({ proxies: 20, perSecond: 200, leaseMs, forMs: 500 })).toMatchObject({
        refused: 0,
      });
  });
});
