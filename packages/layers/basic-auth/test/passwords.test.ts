import { scryptSync } from "node:crypto";
import { hashPassword, hashProblem, passwords } from "@pagoda/basic-auth";
import { beforeAll, describe, expect, test } from "vitest";

/** Cheap, for tests. */
const logCost = 10;
let hash: string;

beforeAll(async () => {
  hash = await hashPassword("secret", logCost);
});

const as = (name: string, password: string) => ({ name, password });

describe("passwords in plain text", () => {
  const verify = passwords({ ann: "secret", bob: "", änne: "pässwörd" });

  test("are compared exactly", async () => {
    expect(verify(as("ann", "secret"))).toBe("ann");
    expect(verify(as("bob", ""))).toBe("bob");
    for (const wrong of ["", "Secret", "secret ", "secre", "pässwörd"])
      expect(verify(as("ann", wrong))).toBeUndefined();
  });

  test("belong to their users", () => {
    expect(verify(as("bob", "secret"))).toBeUndefined();
    for (const name of ["", "carol", "constructor", "__proto__"]) {
      expect(verify(as(name, ""))).toBeUndefined();
      expect(verify(as(name, "secret"))).toBeUndefined();
    }
  });

  test("are compared in NFC", () => {
    expect(passwords({ "a\u0308nne": "o\u0308" })(as("änne", "ö"))).toBe("änne");
  });
});

describe("hashed passwords", () => {
  test("are checked, and the right one is remembered", async () => {
    const verify = passwords({ ann: hash });
    const first = verify(as("ann", "secret"));
    expect(first).toBeInstanceOf(Promise);
    expect(await first).toBe("ann");
    // Without a promise: nothing was derived.
    expect(verify(as("ann", "secret"))).toBe("ann");
  });

  test("that are wrong are not remembered", async () => {
    const verify = passwords({ ann: hash });
    for (let n = 0; n < 2; n++) {
      const wrong = verify(as("ann", "wrong"));
      expect(wrong).toBeInstanceOf(Promise);
      expect(await wrong).toBeUndefined();
    }
    expect(await verify(as("ann", "secret"))).toBe("ann");
    expect(await verify(as("ann", "wrong"))).toBeUndefined();
  });

  test("the remembered password of one user is not that of another", async () => {
    const verify = passwords({ ann: hash, bob: await hashPassword("other", logCost) });
    expect(await verify(as("ann", "secret"))).toBe("ann");
    expect(await verify(as("bob", "secret"))).toBeUndefined();
  });

  test("take as long for users that do not exist, or have a plain password", async () => {
    const verify = passwords({ ann: hash, bob: "plain" });
    for (const name of ["carol", "bob", "constructor"]) {
      const wrong = verify(as(name, "secret"));
      expect(wrong).toBeInstanceOf(Promise);
      expect(await wrong).toBeUndefined();
    }
    expect(verify(as("bob", "plain"))).toBe("bob");
  });

  test("are not passwords themselves", async () => {
    expect(await passwords({ ann: hash })(as("ann", hash))).toBeUndefined();
  });

  test("made by another program, with other parameters, are checked", async () => {
    const salt = Buffer.from("AAECAwQFBgcICQoLDA0ODw", "base64");
    const key = scryptSync("secret", salt, 64, { N: 2_048, r: 4, p: 2 })
      .toString("base64")
      .replaceAll("=", "");
    const verify = passwords({ ann: `$scrypt$ln=11,r=4,p=2$AAECAwQFBgcICQoLDA0ODw$${key}` });
    expect(await verify(as("ann", "other"))).toBeUndefined();
    expect(await verify(as("ann", "secret"))).toBe("ann");
  });
});

describe("hashPassword", () => {
  test("makes a salted hash in PHC format, with the parameters that OWASP recommends", async () => {
    const first = await hashPassword("secret");
    expect(first).toMatch(/^\$scrypt\$ln=15,r=8,p=3\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(await hashPassword("secret", logCost)).not.toBe(hash);
    expect(hashProblem(first)).toBeUndefined();
  });
});

describe("options of passwords", () => {
  test.each(["ann:b", "a\nb"])("the name %j, which no client can send, is rejected", (name) => {
    expect(() => passwords({ [name]: "secret" })).toThrow(
      `passwords: the name of a user must be without colons and control characters (got ${JSON.stringify(name)})`,
    );
  });

  test.each([
    ["without a key", "$scrypt$ln=10,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$"],
    ["with a short salt", `$scrypt$ln=10,r=8,p=1$AAEC$${"A".repeat(43)}`],
    ["that takes more memory than allowed", `$scrypt$ln=18,r=8,p=1$${"A".repeat(22)}$${"A".repeat(43)}`],
    ["with a cost of 1", `$scrypt$ln=0,r=8,p=1$${"A".repeat(22)}$${"A".repeat(43)}`],
    ["without blocks", `$scrypt$ln=10,r=0,p=1$${"A".repeat(22)}$${"A".repeat(43)}`],
    ["that takes too long", `$scrypt$ln=10,r=8,p=17$${"A".repeat(22)}$${"A".repeat(43)}`],
    ["in another order", `$scrypt$r=8,ln=10,p=1$${"A".repeat(22)}$${"A".repeat(43)}`],
  ])("a hash %s is rejected, and not shown", (_what, hash) => {
    expect(() => passwords({ ann: hash })).toThrow(
      "passwords: users.ann must be a scrypt hash, $scrypt$ln=15,r=8,p=3$<salt>$<hash>, that takes at most 128 MiB (value not shown)",
    );
    expect(hashProblem(hash)).toBeDefined();
  });
});
