type Fields = readonly (readonly [name: string, value: string])[];

/** Blocks of one connection, and the size of the dynamic table after each. */
export interface Vector {
  readonly section: string;
  readonly maxSize: number;
  readonly blocks: readonly (readonly [hex: string, fields: Fields, tableSize: number])[];
}

const get: Fields = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/"],
  [":authority", "www.example.com"],
];
const getAgain: Fields = [...get, ["cache-control", "no-cache"]];
const getIndex: Fields = [
  [":method", "GET"],
  [":scheme", "https"],
  [":path", "/index.html"],
  [":authority", "www.example.com"],
  ["custom-key", "custom-value"],
];
const answer = (status: string, date: string): Fields => [
  [":status", status],
  ["cache-control", "private"],
  ["date", `Mon, 21 Oct 2013 20:13:${date} GMT`],
  ["location", "https://www.example.com"],
];
const answerWithCookie: Fields = [
  ...answer("200", "22"),
  ["content-encoding", "gzip"],
  ["set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"],
];

/** Examples of RFC 7541, appendix C. */
export const vectors: readonly Vector[] = [
  {
    section: "C.2.1",
    maxSize: 4_096,
    blocks: [["400a637573746f6d2d6b65790d637573746f6d2d686561646572", [["custom-key", "custom-header"]], 55]],
  },
  {
    section: "C.2.2",
    maxSize: 4_096,
    blocks: [["040c2f73616d706c652f70617468", [[":path", "/sample/path"]], 0]],
  },
  {
    section: "C.2.3",
    maxSize: 4_096,
    blocks: [["100870617373776f726406736563726574", [["password", "secret"]], 0]],
  },
  { section: "C.2.4", maxSize: 4_096, blocks: [["82", [[":method", "GET"]], 0]] },
  {
    section: "C.3",
    maxSize: 4_096,
    blocks: [
      ["828684410f7777772e6578616d706c652e636f6d", get, 57],
      ["828684be58086e6f2d6361636865", getAgain, 110],
      ["828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565", getIndex, 164],
    ],
  },
  {
    section: "C.4",
    maxSize: 4_096,
    blocks: [
      ["828684418cf1e3c2e5f23a6ba0ab90f4ff", get, 57],
      ["828684be5886a8eb10649cbf", getAgain, 110],
      ["828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", getIndex, 164],
    ],
  },
  {
    section: "C.5",
    maxSize: 256,
    blocks: [
      [
        "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54" +
          "6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
        answer("302", "21"),
        222,
      ],
      ["4803333037c1c0bf", answer("307", "21"), 222],
      [
        "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f" +
          "3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076" +
          "657273696f6e3d31",
        answerWithCookie,
        215,
      ],
    ],
  },
  {
    section: "C.6",
    maxSize: 256,
    blocks: [
      [
        "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f" +
          "0b97c8e9ae82ae43d3",
        answer("302", "21"),
        222,
      ],
      ["4883640effc1c0bf", answer("307", "21"), 222],
      [
        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335df" +
          "dfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        answerWithCookie,
        215,
      ],
    ],
  },
];
