import { describe, expect, test } from "bun:test";
import { readOptions } from "./options.ts";

describe("the command line", () => {
  test("says nothing: a full run that writes the figures down", () => {
    expect(readOptions([])).toMatchObject({
      isQuick: false,
      isSelfTest: false,
      repeats: 7,
      writesReadme: true,
    });
  });

  test("a quick run leaves the figures alone", () => {
    expect(readOptions(["--quick", "--repeats", "3"])).toMatchObject({ repeats: 3, writesReadme: false });
  });

  test.each(["--fast", "--repeats", "--repeats many", "--seconds 0"])("%s is an error", (line) => {
    expect(() => readOptions(line.split(" "))).toThrow("usage");
  });
});
