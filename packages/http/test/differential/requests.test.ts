import { describe, expect, test } from "vitest";
import { compare, disagreement } from "./compare.ts";
import { readWithLlhttp } from "./llhttp.ts";
import { readWithOurs } from "./reading.ts";

describe("the server and llhttp", () => {
  test("read the same in 100,000 inputs", () => {
    const { accepted, exceptions, disagreements } = compare(1, 0, 100_000);
    expect(disagreements).toEqual([]);
    // Otherwise the inputs would show nothing.
    expect(accepted).toBeGreaterThan(20_000);
    expect([...exceptions.keys()].toSorted()).toEqual([
      "HTTP/1.2 to 1.9",
      "Proxy-Connection",
      "field that must not trail",
      "keep-alive beside close in HTTP/1.0",
      "tab behind chunked",
      "unknown method",
      "whitespace in a chunk extension",
    ]);
  });

  test("are compared in all that they read", () => {
    const text =
      "PUT /a?b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;c\r\nde\r\n0\r\nX-F: g\r\n\r\n";
    const reading = {
      requests: [
        {
          method: "PUT",
          authority: "a",
          rest: "/a?b",
          minor: 1,
          fields: ["Host", "a", "Transfer-Encoding", "chunked"],
          persists: true,
          body: "de",
          trailers: ["X-F", "g"],
          tunnel: "",
          isComplete: true,
          isTunnel: false,
        },
      ],
      refusal: undefined,
      isMidHead: false,
    };
    const bytes = Buffer.from(text);
    expect(readWithOurs([bytes])).toEqual(reading);
    expect(readWithLlhttp(bytes)).toEqual(reading);
  });

  test.each([
    ["defect: an empty chunk extension", "5;\r\nhello\r\n0\r\n\r\n"],
    ["defect: an extension with an unclosed quote", '5;a="b\r\nhello\r\n0\r\n\r\n'],
    ["defect: an extension with a control character", '5;a="\x80\x01"\r\nhello\r\n0\r\n\r\n'],
  ])("agree on %s", (_name, body) => {
    const text = `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
    expect(disagreement(text)).toBeUndefined();
    expect(readWithOurs([Buffer.from(text, "latin1")]).refusal).toBe("400 malformed request");
  });
});
