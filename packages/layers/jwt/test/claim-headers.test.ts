import { virtualClock } from "@pagoda/core/testing";
import { HttpHeaders } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import { asked, call, issuer, secondsOf, sign, signer, valid } from "./bench.ts";

const ec = await signer("ES256");
const clock = virtualClock();
const options = { issuers: [issuer([ec])], clock };

async function fieldsWith(
  claims: Readonly<Record<string, unknown>>,
  fields: Readonly<Record<string, string | readonly string[]>>,
  sent: readonly string[] = [],
): Promise<HttpHeaders | undefined> {
  const token = await sign(ec, { ...valid(secondsOf(clock)), ...claims });
  const [answered] = await call({ ...options, claimHeaders: fields }, asked(token, ...sent));
  return answered?.inner?.headers;
}

describe("claimHeaders", () => {
  test("set header fields from claims, nested ones included", async () => {
    const claims = {
      realm_access: { roles: ["a", "b,c"] },
      "https://shop.example/tier": 3,
      verified: true,
      nothing: null,
    };
    const fields = {
      "X-User": "sub",
      "X-Roles": ["realm_access", "roles"],
      "X-Tier": "https://shop.example/tier",
      "X-Verified": ["verified"],
      "X-Nothing": "nothing",
      "X-Absent": ["realm_access", "groups", "a"],
      "X-Inherited": "constructor",
      "X-Length": ["sub", "length"],
    };
    expect([...((await fieldsWith(claims, fields)) ?? [])]).toEqual([
      ["X-User", "ann"],
      ["X-Roles", '["a","b,c"]'],
      ["X-Tier", "3"],
      ["X-Verified", "true"],
    ]);
  });

  test("replace what the client has sent under these names", async () => {
    const sent = ["x-user", "root", "X_User", "root", "X-USER", "root", "X-Users", "kept", "x-admin", "yes"];
    const fields = { "X-User": "sub", "X-Admin": "admin" };
    expect((await fieldsWith({}, fields, sent))?.raw).toEqual(["X-Users", "kept", "X-User", "ann"]);
    const optional = { ...options, claimHeaders: fields, optional: true };
    const [anonymous] = await call(optional, asked(undefined, ...sent));
    expect(anonymous?.inner?.headers.raw).toEqual(["X-Users", "kept"]);
    const [kept] = await call({ ...optional, keepHeader: true }, asked(undefined, ...sent));
    expect(kept?.inner?.headers.raw).toEqual(["X-Users", "kept"]);
  });

  test("carry text in UTF-8, and JSON in ASCII", async () => {
    const headers = await fieldsWith({ sub: "Änne 🔑", list: ["ö\n"] }, { user: "sub", list: "list" });
    expect(Buffer.from(headers?.get("user") ?? "", "latin1").toString()).toBe("Änne 🔑");
    expect(headers?.get("list")).toBe(String.raw`["\u00f6\n"]`);
  });

  test.each(["", " ann", "ann ", "a\nb", "a\r\nset-cookie: b", "a\0", "\u007f", "\u0085"])(
    "leave out %j, which a field cannot carry unchanged",
    async (sub) => {
      expect((await fieldsWith({ sub }, { user: "sub" }, ["user", "root"]))?.raw).toEqual([]);
    },
  );
});
