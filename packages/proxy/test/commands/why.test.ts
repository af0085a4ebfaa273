import { createServer } from "node:http";
import { expect, test } from "vitest";
import { why } from "../../src/commands/why.ts";
import { listen } from "../e2e/origin.ts";

/** What `--last` prints if the last calls of these reasons began so many seconds before now. */
async function last(failed: number, recovered: number): Promise<string> {
  const ages = { "failed,refused": failed, "slow,recovered": recovered };
  const names = { "failed,refused": "failed", "slow,recovered": "recovered" };
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(`http://admin${request.url}`);
    const reason = searchParams.get("reason") as keyof typeof ages;
    if (pathname !== "/requests") response.end(`story of ${pathname}\n`);
    else if (request.headers.accept === "text/plain") response.end(`line of ${names[reason]}\n`);
    else {
      const time = new Date(Date.UTC(2026) - ages[reason] * 1_000).toISOString();
      response.end(JSON.stringify([{ id: names[reason], time }]));
    }
  });
  await using admin = await listen(server);
  let output = "";
  const stdout = (text: string): void => void (output += text);
  await why.run(["--last", "--admin", admin.url], { env: {}, stdout, stderr: stdout } as never);
  return output;
}

test("why --last tells the last failure, and names a retry that came a little later", async () => {
  expect(await last(5, 2)).toBe(
    "story of /requests/failed\n\na later one was slow or needed a retry:\nline of recovered\n",
  );
  expect(await last(2, 5)).toBe("story of /requests/failed\n");
});

test("why --last tells a retry of now rather than a failure of 9 minutes ago", async () => {
  expect(await last(540, 2)).toBe(
    "story of /requests/recovered\n\nan earlier one failed or was refused:\nline of failed\n",
  );
});
