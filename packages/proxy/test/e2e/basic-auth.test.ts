import { hashPassword } from "@pagoda/basic-auth";
import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { call } from "./client.ts";
import { configured, Folder, through } from "./configured.ts";
import { origin } from "./origin.ts";
import { environment, mainFile } from "./program.ts";

/** Cheap, for tests. */
const hash = await hashPassword("correct horse", 10);

function authorization(text: string) {
  return { headers: { authorization: `Basic ${Buffer.from(text).toString("base64")}` } };
}

describe("basicAuth", () => {
  test("requires a password, which the origin does not see", async () => {
    await using site = await origin((request, response) => {
      response.end(JSON.stringify(request.rawHeaders));
    });
    using folder = new Folder();
    const basicAuth = { users: { ann: hash }, realm: 'the "shop"' };
    await using pagoda = await configured(folder, through({ endpoints: [site.url] }, {}, { basicAuth }));

    for (const wrong of [{}, authorization("ann:wrong"), authorization("bob:correct horse")]) {
      const { status, message, body } = await call(pagoda.url, wrong);
      expect(status).toBe(401);
      expect(message.headers["www-authenticate"]).toBe(
        String.raw`Basic realm="the \"shop\"", charset="UTF-8"`,
      );
      expect(body).toContain("401 a name and a password are required");
    }
    for (let n = 0; n < 2; n++) {
      const { status, body } = await call(pagoda.url, authorization("ann:correct horse"));
      expect(status).toBe(200);
      expect(body).not.toMatch(/authorization|Basic/i);
    }
    const refused = { layer: "basic-auth", event: "refused" };
    expect(await pagoda.metric("stack_events_total", refused)).toBe(3);
    const shown = (await pagoda.admin("/stack")).text + (await pagoda.admin("/config")).text;
    expect(shown).toContain("basic-auth");
    for (const secret of [hash, "correct horse"]) expect(shown).not.toContain(secret);
  });
});

test("pagoda hash-password hashes a password from standard input", () => {
  const options = { input: "correct horse\n", env: environment(), encoding: "utf8" } as const;
  const { status, stdout } = spawnSync(process.execPath, [mainFile, "hash-password"], options);
  expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^\$scrypt\$/) as string });
});
