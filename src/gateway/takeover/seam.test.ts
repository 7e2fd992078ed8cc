import { describe, expect, test } from "bun:test";
import { type Juncture, Seam } from "./seam.ts";

/** What a client is shown of a continuation that comes in such pieces. */
function shown(juncture: Juncture, pieces: readonly string[]): string {
  const seam = new Seam(juncture);
  return pieces.map((piece) => seam.push(piece)).join("") + seam.flush();
}

/** Every way to cut a text into two pieces, and into single units. */
function* cuts(text: string): Generator<readonly string[]> {
  for (let at = 0; at <= text.length; at += 1) yield [text.slice(0, at), text.slice(at)];
  yield [...text].flatMap((character) => character.split(""));
}

const byInstruction = (given: string, beyond = "", anchor?: string): Juncture => ({
  given,
  beyond,
  isExact: false,
  ...(anchor === undefined ? {} : { anchor }),
});
const exact = (given: string, beyond = ""): Juncture => ({ given, beyond, isExact: true });

function expectShown(juncture: Juncture, continuation: string, expected: string): void {
  for (const pieces of cuts(continuation)) expect(shown(juncture, pieces)).toBe(expected);
}

describe("a vendor that was asked by an instruction", () => {
  const text = "The quick brown fox jumps over";
  test("and goes on exactly loses nothing", () => {
    expectShown(byInstruction(text), " the lazy dog.", " the lazy dog.");
    expectShown(byInstruction(text), "", "");
  });
  test.each(["fox jumps over", "brown fox jumps over", text])(
    "and repeats %p first says it once",
    (repeated) => {
      expectShown(byInstruction(text), `${repeated} the lazy dog.`, " the lazy dog.");
      expectShown(byInstruction(text), repeated, "");
    },
  );
  test("and repeats what it was asked to repeat is cut there, however often the text says it", () => {
    const given = "ha ".repeat(40).trimEnd();
    expectShown(byInstruction(given, "", "ha ha ha ha"), "ha ha ha ha ha ha!", " ha ha!");
  });
  test("and says something that stands in the middle of the text is believed", () => {
    expectShown(byInstruction("one two three, one two four"), "one two three", "one two three");
  });
  test("and repeats a text whose white space the client has already got does not double it", () => {
    expectShown(byInstruction("a list of things:", "\n\n"), "list of things:\n\n- one", "- one");
    expectShown(byInstruction("a list of things:", "\n\n"), "- one", "- one");
  });
  test("is not held back for longer than its words could be a repetition", () => {
    const seam = new Seam(byInstruction(text));
    expect(seam.push(" ")).toBe("");
    expect(seam.push("the")).toBe(" the");
    expect(seam.push(" quick")).toBe(" quick");
  });
  test("of a short repetition is believed to mean it", () => {
    expectShown(byInstruction("w1 w11"), "1 w112", "1 w112");
  });
});

describe("a vendor that takes the beginning for its own", () => {
  test("repeats nothing, whatever it looks like", () => {
    expectShown(exact("ha ha ha ha ha ha"), "ha ha ha ha ha ha ha", "ha ha ha ha ha ha ha");
  });
  test("was given the text without its white space, which it says again once", () => {
    expectShown(exact("Hello", " "), " world", "world");
    expectShown(exact("Hello", "\n\n"), "\nworld", "world");
    expectShown(exact("Hello", " "), "world", "world");
  });
  test("was given the text without half a character, which it says again whole", () => {
    expectShown(exact("a", "\ud83d"), "\ud83d\ude00b", "\ude00b");
  });
});
