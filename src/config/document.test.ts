import { describe, expect, test } from "bun:test";
import { readDocument } from "./document.ts";

const read = (text: string, environment: Record<string, string> = {}) =>
  readDocument(text, "f.yaml", environment);

describe("reading a YAML text", () => {
  test("an empty text is an empty configuration", () => {
    expect(read("").value).toEqual({});
    expect(read("# only a comment\n").value).toEqual({});
  });

  test("a broken text says where", () => {
    const { value, problems } = read("vendors:\n  a: [1, 2\nmodels: {}\n");
    expect(value).toBeUndefined();
    expect(problems[0]).toMatchObject({ source: "f.yaml", line: 3 });
    expect(problems[0]?.message).toStartWith("is not valid YAML");
  });

  test("a name defined twice is a problem at its second place", () => {
    const { problems } = read("models: {}\nvendors: {}\nmodels: {}\n");
    expect(problems).toEqual([
      {
        source: "f.yaml",
        path: "",
        line: 3,
        column: 1,
        message: "this name is defined twice; only one can count",
      },
    ]);
  });

  test("a text that grows out of its aliases is refused", () => {
    const lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"];
    for (const [name, before] of ["ba", "cb", "dc", "ed"]) {
      lines.push(`${name}: &${name} [${Array(10).fill(`*${before}`).join(", ")}]`);
    }
    const { value, problems } = read(lines.join("\n"));
    expect(value).toBeUndefined();
    expect(problems[0]?.message).toContain("aliases");
  });

  test("variables are filled in wherever a value stands, not in names or comments", () => {
    const { value, variables } = read(
      '# ${NOPE}\na: "x${A}"\n${B}:\n  - ${A}\n  - "${A}"\nc: {d: \'${A}\'}\n',
      {
        A: "1",
      },
    );
    expect(value).toEqual({ a: "x1", "${B}": [1, "1"], c: { d: "1" } });
    expect([...variables]).toEqual(["A"]);
  });

  test("an unquoted variable is the number that it holds, unless digits would be lost", () => {
    const environment = { PORT: "8080", FLAG: "true", LONG: "12345678901234567890", ZERO: "007" };
    const { value } = read("a: ${PORT}\nb: ${FLAG}\nc: ${LONG}\nd: ${ZERO}\n", environment);
    expect(value).toEqual({ a: 8080, b: true, c: "12345678901234567890", d: "007" });
  });

  test("a missing variable is a problem at its own line and path", () => {
    const { problems } = read('vendors:\n  a:\n    keys:\n      - "x"\n      - key: "${NOPE}"\n');
    expect(problems).toEqual([
      {
        source: "f.yaml",
        path: "vendors.a.keys[1].key",
        line: 5,
        column: 9,
        message: "the environment variable NOPE is not set",
      },
    ]);
  });

  test("a name that looks like a number or like true stays what was written", () => {
    const { value, problemAt } = read("a: 1\n5.10: 2\ntrue: 3\n0x1: 4\n");
    expect(value).toEqual({ a: 1, "5.10": 2, true: 3, "0x1": 4 });
    expect(problemAt(["5.10"], "x").line).toBe(2);
  });

  test("a value with characters that mean something in YAML is only a value", () => {
    const { value } = read("a: ${KEY}\n", { KEY: 'x: [y] # "z' });
    expect(value).toEqual({ a: 'x: [y] # "z' });
  });
});

describe("finding the place of a path", () => {
  const text = [
    "vendors:",
    "  deep: &v",
    "    adapter: x",
    "models:",
    "  chat:",
    "    - vendor: deep",
    "      price: { input: 1,",
    "               output: 2 }",
    "other: *v",
  ].join("\n");

  test.each([
    [["vendors", "deep", "adapter"], 3, 5],
    [["models", "chat", 0], 6, 7],
    [["models", "chat", 0, "price", "output"], 8, 16],
    [["models", "chat", 0, "missing"], 6, 7],
    [["models", "chat", 7], 5, 3],
    [["other", "adapter"], 3, 5],
    [["nothing"], 1, 1],
    [[], 1, 1],
  ])("%j is at %d:%d", (path, line, column) => {
    expect(read(text).problemAt(path, "x")).toMatchObject({ line, column });
  });
});
