import { describe, expect, test } from "vitest";
import { call } from "./client.ts";
import { anywhere, configured, Folder, says } from "./configured.ts";
import { Pagoda } from "./program.ts";

const token = "Zm9yIHRlc3RzIG9ubHksIG5vdCBhIHNlY3JldCE=";
const other = "0123456789abcdef0123456789abcdef";

/** A proxy whose actions need a token. */
function withToken(folder: Folder): Promise<Pagoda> {
  folder.write("admin.token", `${token}\n`);
  return configured(folder, {
    listeners: [{ ...anywhere, routes: [says("yes")] }],
    admin: { address: "127.0.0.1:0", tokenFile: "admin.token" },
  });
}

function bearer(text: string): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${text}` };
}

async function post(pagoda: Pagoda, path: string, headers: Readonly<Record<string, string>> = {}) {
  return call(pagoda.adminUrl + path, { method: "POST", headers });
}

describe("with admin.tokenFile", () => {
  test("every action needs the token, and pages do not", async () => {
    using folder = new Folder();
    await using pagoda = await withToken(folder);
    for (const path of ["/reload", "/drain", "/log-level?level=debug"]) {
      const { status, message, body } = await post(pagoda, path);
      expect({ path, status, body }).toEqual({
        path,
        status: 401,
        body: "a token is required: the one in admin.token (admin.tokenFile), as `Authorization: Bearer TOKEN`\n",
      });
      expect(message.headers["www-authenticate"]).toBe("Bearer");
    }
    for (const wrong of ["", other, token.slice(1), `${token}=`, "x".repeat(50_000)]) {
      const { status, message } = await post(pagoda, "/reload", bearer(wrong));
      expect(status).toBe(401);
      expect(message.headers["www-authenticate"]).toBe('Bearer error="invalid_token"');
    }
    expect((await post(pagoda, "/reload", { authorization: token })).status).toBe(401);
    expect((await post(pagoda, "/reload", bearer("x".repeat(100_000)))).status).toBe(431);
    expect((await pagoda.admin("/ready")).status).toBe(200);
    expect(pagoda.logs.some(({ msg }) => msg === "configuration applied")).toBe(false);
    expect((await post(pagoda, "/reload", bearer(token))).body).toBe("reloaded\n");
    expect((await post(pagoda, "/reload", { authorization: `bearer  ${token}` })).status).toBe(200);
    expect(JSON.parse((await pagoda.admin("/actions")).text)).toMatchObject({ needsToken: true });
  });

  test("actions and wrong tokens are logged with the client, and the token is nowhere to be seen", async () => {
    using folder = new Folder();
    await using pagoda = await withToken(folder);
    await post(pagoda, "/log-level?level=debug", bearer(token));
    expect(await pagoda.log("admin action performed")).toMatchObject({
      level: 30,
      action: "/log-level",
      parameters: { level: "debug" },
      client: "127.0.0.1",
      status: 200,
    });
    await call(`${pagoda.adminUrl}/log-level`, { method: "POST", headers: bearer(token) }, "info");
    await pagoda.log(({ parameters }) => JSON.stringify(parameters) === '{"level":"info"}');
    await post(pagoda, "/reload", bearer(other));
    expect(await pagoda.log("wrong admin token rejected")).toMatchObject({
      level: 40,
      client: "127.0.0.1",
      path: "/reload",
    });
    for (const path of ["/config", "/stack", "/requests", "/actions"])
      expect((await pagoda.admin(path)).text).not.toContain(token);
    expect((await pagoda.admin("/config")).text).toContain('"tokenFile":"admin.token"');
    expect(pagoda.output).not.toContain(token);
    expect(pagoda.output).not.toContain(other);
  });

  test("a changed token takes effect, and a file without one changes nothing", async () => {
    using folder = new Folder();
    await using pagoda = await withToken(folder);
    folder.write("admin.token", "short");
    const { problems } = await pagoda.log("configuration rejected");
    expect(String(problems)).toMatch(/admin\.tokenFile.*must be a token of at least 32/);
    expect((await post(pagoda, "/log-level?level=info", bearer(token))).status).toBe(200);
    folder.write("admin.token", other);
    await pagoda.log("configuration applied");
    expect((await post(pagoda, "/reload", bearer(token))).status).toBe(401);
    expect((await post(pagoda, "/reload", bearer(other))).status).toBe(200);
  });

  test("of web pages, only those of the endpoint itself act, and only with the token", async () => {
    using folder = new Folder();
    await using pagoda = await withToken(folder);
    const { origin, port } = new URL(pagoda.adminUrl);
    const statusWith = async (headers: Readonly<Record<string, string>>): Promise<number> =>
      (await post(pagoda, "/reload", headers)).status;
    expect(await statusWith({ origin, "sec-fetch-site": "same-origin", ...bearer(token) })).toBe(200);
    const tunnel = { host: "localhost:9999", origin: "http://localhost:9999", ...bearer(token) };
    expect(await statusWith(tunnel)).toBe(200);
    expect(await statusWith({ origin, "sec-fetch-site": "same-origin" })).toBe(401);
    for (const foreign of ["http://evil.example", "null", `https://127.0.0.1:${port}`, "http://127.0.0.1:1"])
      expect(await statusWith({ origin: foreign, ...bearer(token) })).toBe(403);
    for (const site of ["cross-site", "same-site"])
      expect(await statusWith({ origin, "sec-fetch-site": site, ...bearer(token) })).toBe(403);
    // DNS rebinding: the page and the endpoint have one name, which is not the endpoint's own.
    const rebound = { host: `evil.example:${port}`, origin: `http://evil.example:${port}`, ...bearer(token) };
    expect(await statusWith(rebound)).toBe(421);
    const preflight = await call(`${pagoda.adminUrl}/reload`, {
      method: "OPTIONS",
      headers: { origin: "http://evil.example", "access-control-request-method": "POST" },
    });
    expect(preflight.status).toBe(405);
    expect(Object.keys(preflight.message.headers).join(" ")).not.toContain("access-control");
  });

  test("nothing but POST acts", async () => {
    using folder = new Folder();
    await using pagoda = await withToken(folder);
    for (const method of ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]) {
      const { status } = await call(`${pagoda.adminUrl}/drain`, { method, headers: bearer(token) });
      expect({ method, status }).toEqual({ method, status: 405 });
    }
    await call(`${pagoda.adminUrl}/log-level?level=error`, { method: "HEAD", headers: bearer(token) });
    expect(await pagoda.admin("/log-level")).toEqual({ status: 200, text: "info\n" });
    expect((await pagoda.admin("/ready")).status).toBe(200);
  });
});

test("without admin.tokenFile, programs act without a token, and web pages do not act", async () => {
  await using pagoda = await Pagoda.start();
  const { origin } = new URL(pagoda.adminUrl);
  expect(await post(pagoda, "/reload", { origin })).toMatchObject({
    status: 403,
    body: "not allowed from a web page without a token: set `admin.tokenFile`\n",
  });
  expect(JSON.parse((await pagoda.admin("/actions")).text)).toMatchObject({ needsToken: false });
  expect((await post(pagoda, "/reload?now=yes")).body).toBe('there must be no parameters (got "now")\n');
  expect((await post(pagoda, "/reload")).status).toBe(200);
  await pagoda.log("admin action performed");
});
