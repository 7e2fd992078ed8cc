import { describe, expect, test } from "bun:test";
import { formPrint, readFormEntries } from "../../form-entries.ts";
import { readTranscriptionForm } from "./transcription-form.ts";

async function entriesOf(fields: readonly (readonly [string, string | File])[], boundary = "b") {
  const form = new FormData();
  for (const [name, value] of fields) form.append(name, value);
  const response = new Response(form);
  const made = /boundary=(.+)$/.exec(response.headers.get("content-type") ?? "")?.[1] ?? "";
  const bytes = Buffer.from(await response.arrayBuffer())
    .toString("latin1")
    .replaceAll(made.replaceAll('"', ""), boundary);
  return readFormEntries(Buffer.from(bytes, "latin1"), `multipart/form-data; boundary=${boundary}`);
}
const file = new File([new Uint8Array([0, 13, 10, 255])], "a.wav", { type: "audio/wav" });

describe("a form", () => {
  test("becomes a body and a recording", async () => {
    const entries = await entriesOf([
      ["file", file],
      ["model", "m"],
      ["temperature", "0.5"],
      ["stream", "true"],
      ["include[]", "logprobs"],
      ["timestamp_granularities[]", "word"],
      ["timestamp_granularities[]", "segment"],
      ["languages", "de"],
      ["languages", "en"],
    ]);
    expect(readTranscriptionForm(entries)).toEqual({
      body: {
        model: "m",
        temperature: 0.5,
        stream: true,
        include: ["logprobs"],
        timestamp_granularities: ["word", "segment"],
        languages: ["de", "en"],
      },
      // Bun goes by the name's end.
      file: {
        name: "a.wav",
        contentType: expect.stringMatching(/^audio\/(x-)?wav$/),
        bytes: new Uint8Array([0, 13, 10, 255]),
      },
    });
  });

  test("with a second file, or one of another name, is refused by it", async () => {
    const twice = await entriesOf([
      ["file", file],
      ["file", file],
    ]);
    expect(() => readTranscriptionForm(twice)).toThrow("The file 'file' is not expected here.");
    const other = await entriesOf([["picture", file]]);
    expect(() => readTranscriptionForm(other)).toThrow("picture");
  });

  test("has a print that the boundary does not change, and the content does", async () => {
    const print = async (value: string, boundary: string) =>
      formPrint(
        await entriesOf(
          [
            ["model", value],
            ["file", file],
          ],
          boundary,
        ),
      );
    expect(await print("m", "one")).toBe(await print("m", "another"));
    expect(await print("m", "one")).not.toBe(await print("n", "one"));
  });

  test("that cannot be read is the client's mistake", async () => {
    await expect(readFormEntries(Buffer.from("junk"), "multipart/form-data; boundary=b")).rejects.toThrow(
      "cannot be read",
    );
  });
});
