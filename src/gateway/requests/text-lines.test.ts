import { expect, test } from "bun:test";
import { textLines } from "./text-lines.ts";

const encoder = new TextEncoder();

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: Uint8Array, size: number, most = 100): Promise<readonly (number | string)[]> {
  const found: (number | string)[] = [];
  for await (const { number, text } of textLines(inPieces(bytes, size), most, "file"))
    found.push(number, text);
  return found;
}

test.each([1, 2, 3, 7, 1_000])(
  "lines are whole however the text is cut, in pieces of %d bytes",
  async (size) => {
    const text = '\ufeff{"a":"ü"}\r\n\n   \n{"b":"😀"}\nlast';
    expect(await read(encoder.encode(text), size)).toEqual([1, '{"a":"ü"}\r', 4, '{"b":"😀"}', 5, "last"]);
  },
);

test("a text without lines has none", async () => {
  expect(await read(encoder.encode(""), 1)).toEqual([]);
  expect(await read(encoder.encode("\n\n \n"), 1)).toEqual([]);
});

test("a line that is too long ends the reading before it is whole, and is named", async () => {
  let taken = 0;
  const endless = async function* () {
    yield encoder.encode("{}\n");
    for (;;) {
      taken += 1;
      yield new Uint8Array(10).fill(0x20);
    }
  };
  const refusal = async () => {
    for await (const _ of textLines(endless(), 100, "file"));
  };
  await expect(refusal()).rejects.toMatchObject({
    code: "payload_too_large",
    message: "Line 2 has more than 100 bytes.",
    detail: { param: "file[1]" },
  });
  expect(taken).toBeLessThan(12);
});

test("a line that is not UTF-8 is named", async () => {
  const bytes = Buffer.concat([encoder.encode("{}\n"), Buffer.from([0xc3, 0x28])]);
  await expect(read(bytes, 2)).rejects.toMatchObject({
    message: "Line 2 is not UTF-8.",
    detail: { param: "file[1]" },
  });
});
