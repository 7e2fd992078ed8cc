import { expect, test } from "bun:test";
import { readFormEntries } from "./form-entries.ts";

const part = (name: string, text: string) =>
  `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${text}\r\n`;
const formOf = (count: number, text = "x") =>
  Buffer.from(`${Array.from({ length: count }, (_, at) => part(`p${at}`, text)).join("")}--b--\r\n`);

test.each(["multipart/form-data; boundary=b", 'Multipart/Form-Data; charset=utf-8; Boundary="b"'])(
  "a form of %s may have so many parts, and no more",
  async (type) => {
    expect(await readFormEntries(formOf(200), type)).toHaveLength(200);
    await expect(readFormEntries(formOf(201), type)).rejects.toMatchObject({
      code: "invalid_request",
      message: "A form may have at most 200 parts.",
    });
  },
);

test.each([
  'multipart/form-data; x="; boundary=zzz"; boundary=b',
  "multipart/form-data; boundary=zzz; boundary=b",
  "multipart/form-data boundary=b",
])("the boundary of %s is not left to be guessed: its parts would not be counted", async (type) => {
  await expect(readFormEntries(formOf(1_000), type)).rejects.toMatchObject({
    code: "invalid_request",
    message: "The form's content type must name its boundary.",
  });
});

test("a browser's boundary has the word in it", async () => {
  const name = "----WebKitFormBoundaryA1b2";
  const form = formOf(2).toString().replaceAll("--b", `--${name}`);
  expect(await readFormEntries(Buffer.from(form), `multipart/form-data; boundary=${name}`)).toHaveLength(2);
});

test("what is no form is the client's mistake", async () => {
  await expect(readFormEntries(formOf(1), "multipart/form-data")).rejects.toMatchObject({
    code: "invalid_request",
  });
});
