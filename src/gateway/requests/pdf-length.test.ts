import { describe, expect, test } from "bun:test";
import { deflateSync } from "node:zlib";
import { parseChat } from "./chat.ts";
import { pdfLength } from "./pdf-length.ts";
import { pdfBudget } from "./pdf-streams.ts";

const stream = (number: number, dictionary: string, bytes: Buffer | string): Buffer =>
  Buffer.concat([
    Buffer.from(`${number} 0 obj\n<< ${dictionary} /Length ${bytes.length} >>\nstream\n`),
    Buffer.from(bytes),
    Buffer.from("\nendstream\nendobj\n"),
  ]);
const packed = (number: number, text: string, dictionary = "/Filter /FlateDecode"): Buffer =>
  stream(number, dictionary, deflateSync(Buffer.from(text)));
const file = (...parts: (Buffer | string)[]): Buffer =>
  Buffer.concat([Buffer.from("%PDF-1.7\n%\xe2\xe3\n", "latin1"), ...parts.map((part) => Buffer.from(part))]);
const lengthOf = (...parts: (Buffer | string)[]) => pdfLength(file(...parts), pdfBudget());

const refs = (count: number, first = 10) => Array.from({ length: count }, (_, at) => `${first + at} 0 R`);
const tree = (count: number) => `<< /Type /Pages /Count ${count} /Kids [ ${refs(count).join(" ")} ] >>`;
const page = "<< /Type /Page /Parent 2 0 R /Contents 5 0 R >>";
const pages = (count: number) => refs(count).map((ref) => `${ref.replace("R", "obj")}\n${page}\nendobj\n`);
const objects = (count: number) => [tree(count), ...pages(count).map(() => page)].join("\n");

describe("a PDF's pages are counted", () => {
  test("where they stand plainly", () => {
    expect(lengthOf(`2 0 obj\n${tree(3)}\nendobj\n`, ...pages(3))).toEqual({ pages: 3, textBytes: 0 });
    expect(lengthOf(page.replace("/Type /Page", "/Type/Page"), tree(1))).toMatchObject({ pages: 1 });
  });

  test("in compressed objects, of which a hundred pages are a few hundred bytes", () => {
    const whole = file(packed(1, objects(100), "/Type /ObjStm /N 101 /First 9 /Filter /FlateDecode"));
    expect(whole.length).toBeLessThan(1_000);
    expect(pdfLength(whole, pdfBudget()).pages).toBe(100);
  });

  test("by what the tree says, where their objects say nothing, and not by the entries of an outline", () => {
    expect(lengthOf(tree(7), page).pages).toBe(7);
    expect(
      lengthOf(`2 0 obj\n${tree(1)}\nendobj\n`, page, "<< /Type /Outlines /First 9 0 R /Count 99 >>").pages,
    ).toBe(1);
  });
});

test.each<[string, Buffer]>([
  ["no PDF at all", Buffer.from("AA")],
  ["encrypted", file(tree(1), page, "trailer << /Encrypt 9 0 R >>")],
  ["without any page", file("1 0 obj\n<< >>\nendobj")],
  ["objects that are packed in another way", file(page, packed(1, "", "/Type /ObjStm /Filter /LZWDecode"))],
  ["objects that are packed by no filter", file(page, stream(1, "/Type /ObjStm /Filter /constructor", "~>"))],
  ["objects that are broken", file(page, stream(1, "/Type /ObjStm /Filter /FlateDecode", "no such thing"))],
  [
    "objects behind a comment",
    file(page, "% >>\nstream\n", packed(1, objects(90), "/Type /ObjStm /Filter /FlateDecode")),
  ],
  ["names whose letters are numbers", file(tree(1), page, "<< /T#79pe /P#61ge >>")],
  ["a page that stands in its tree twice", file("<< /Type /Pages /Count 1 /Kids [3 0 R 3 0 R] >>", page)],
  [
    "objects beyond measure",
    file(page, packed(1, " ".repeat(9_000_000), "/Type /ObjStm /Filter /FlateDecode")),
  ],
  ["names beyond measure", file(page, "/A#41b ".repeat(10_001))],
  ["streams beyond measure", file(page, "1 0 obj <<>>\nstream\n\nendstream\n".repeat(50_001))],
])("a PDF cannot be read: %s", (_, bytes) => {
  expect(pdfLength(bytes, pdfBudget()).pages).toBeUndefined();
});

describe("a PDF's text is counted", () => {
  const shown = `BT /F1 12 Tf (${"a".repeat(500)}) Tj [(a\\)b) -20 <0041 0042>] TJ ET`;
  const bytes = 500 + 3 + 5;

  test.each<[string, Buffer]>([
    ["plain", stream(5, "", shown)],
    ["packed", packed(5, shown)],
    [
      "packed and written in letters",
      stream(5, "/Filter [ /ASCII85Decode /FlateDecode ]", letters(deflateSync(Buffer.from(shown)))),
    ],
  ])("%s", (_, content) => {
    const { pages: count, textBytes } = lengthOf(tree(1), page, content);
    expect(count).toBe(1);
    expect(Math.abs(textBytes - bytes)).toBeLessThan(4);
  });

  test("where it cannot be read by its size, and pictures and fonts have none", () => {
    const lzw = stream(5, "/Filter /LZWDecode", "x".repeat(100));
    expect(lengthOf(tree(1), page, lzw).textBytes).toBeGreaterThanOrEqual(300);
    const picture = stream(6, "/Subtype /Image /Filter /DCTDecode", `(${"x".repeat(900)}) Tj`);
    const font = stream(7, "/Length1 900", `(${"x".repeat(900)}) Tj`);
    expect(lengthOf(tree(1), page, picture, font).textBytes).toBe(0);
  });

  test("of all documents of a request together, no more than there is time for is opened", () => {
    const budget = pdfBudget();
    const bomb = file(tree(1), page, packed(5, "(x) Tj".repeat(2_000_000)));
    expect(pdfLength(bomb, budget).pages).toBe(1);
    expect(budget.bytes).toBe(0);
    expect(pdfLength(file(tree(1), page, packed(5, shown)), budget)).toMatchObject({ pages: 1 });
  });
});

describe("a chat with PDFs is held for", () => {
  const held = (...files: Buffer[]) => {
    const content = files.map((bytes) => ({
      type: "file",
      file: { filename: "a.pdf", file_data: `data:application/pdf;base64,${bytes.toString("base64")}` },
    }));
    const body = { model: "m", messages: [{ role: "user", content }] };
    return parseChat(body, JSON.stringify(body).length);
  };

  test("all of its pages, however small the file is", () => {
    const small = file(packed(1, objects(100), "/Type /ObjStm /Filter /FlateDecode"));
    const { promptTokens, media } = held(small);
    expect(promptTokens).toBeGreaterThanOrEqual(100 * 4_600);
    expect(media).toEqual({ pictures: 0, pages: 100 });
  });

  test("a page of a scan, however large the file is", () => {
    const scan = stream(5, "/Subtype /Image /Filter /DCTDecode", Buffer.alloc(600_000, 7));
    expect(held(file(tree(1), page, scan)).promptTokens).toBeLessThan(5_000);
  });

  test("text that is denser than pages are", () => {
    const dense = file(tree(1), page, packed(5, `(${"word ".repeat(100_000)}) Tj`));
    expect(held(dense).promptTokens).toBeGreaterThanOrEqual(250_000);
  });

  test("all that a model reads, where they cannot be read here, and no more than that", () => {
    const locked = file("/Encrypt");
    expect(held(locked).promptTokens).toBeGreaterThanOrEqual(1_048_576);
    expect(held(locked, locked, locked).promptTokens).toBeLessThan(1_048_576 + 200);
  });
});

/** ASCII85, by whole groups. */
function letters(bytes: Buffer): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4) {
    const group = Buffer.alloc(4);
    const count = bytes.copy(group, 0, at, at + 4);
    let rest = group.readUInt32BE();
    const digits = Array.from({ length: 5 }, () => {
      const digit = String.fromCharCode(33 + (rest % 85));
      rest = Math.floor(rest / 85);
      return digit;
    }).reverse();
    text +=
      rest === 0 && count === 4 && group.readUInt32BE() === 0 ? "z" : digits.join("").slice(0, count + 1);
  }
  return `${text}~>`;
}
