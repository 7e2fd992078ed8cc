import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";

/** The house rules that no compiler keeps, held against every file of `src`. */

const ROOT = dirname(import.meta.dir);
const MAX_LINES = 400;
/** Only these may take time and chance from the process itself; everybody else is given a Clock and a Random. */
const SOURCES_OF_TIME_AND_CHANCE = ["src/core/clock.ts", "src/core/random.ts", "src/main.ts"];
const TIME_AND_CHANCE =
  /\b(?:Date\.now|Math\.random|performance\.now|setTimeout|setInterval|setImmediate|Bun\.sleep(?:Sync)?|Bun\.nanoseconds|process\.hrtime(?:\.bigint)?|getRandomValues|randomUUID|randomUUIDv7|randomBytes|randomInt)\s*\(|\bnew Date\(\s*\)/g;
/** Names under which anything can be put, so that in the end everything is. */
const NAMES_THAT_SAY_NOTHING = /^(?:utils?|helpers?|commons?|managers?|misc|shared|stuff)$/;

interface SourceFile {
  /** From the root of the repository: `src/core/clock.ts`. */
  readonly path: string;
  readonly text: string;
  /** Without comments, so that a sentence about `Date.now()` is not a call of it. */
  readonly code: string;
  readonly imports: readonly string[];
}

const files = [...new Bun.Glob("src/**/*.ts").scanSync(ROOT)].sort().map(read);
/** Tests, their suites and their `testing` folders may put together what the code beside them may not know. */
const IS_FOR_TESTS = /\.(?:test|suite)\.ts$|\/testing\//;
const shipped = files.filter(({ path }) => !IS_FOR_TESTS.test(path));
const architecture = textOf("ARCHITECTURE.md");

function read(path: string): SourceFile {
  const text = readFileSync(join(ROOT, path), "utf8");
  const code = withoutComments(text);
  const statements = code.matchAll(/^\s*(?:import|export)\b[^;"']*?\bfrom\s*["']([^"']+)["']/gm);
  const bare = code.matchAll(/^\s*import\s*["']([^"']+)["']/gm);
  const calls = code.matchAll(/\bimport\(\s*["']([^"']+)["']\s*\)/g);
  return { path, text, code, imports: [...statements, ...bare, ...calls].map(([, name]) => name ?? "") };
}

/** Strings are kept as they are; a `//` inside one does not begin a comment. */
function withoutComments(text: string): string {
  const tokens = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  return text.replace(tokens, (token) => (token.startsWith("/") ? token.replace(/[^\n]/g, " ") : token));
}

function textOf(path: string): string {
  try {
    return readFileSync(join(ROOT, path), "utf8");
  } catch {
    return "";
  }
}

/** `src/core` of `src/core/clock.ts`; a file directly in `src` stands for itself. */
const folderOf = (path: string): string => path.split("/").slice(0, 2).join("/");

/** Relative imports as paths from the root. */
const ownImports = (file: SourceFile): readonly string[] =>
  file.imports
    .filter((name) => name.startsWith("."))
    .map((name) => relative(ROOT, resolve(ROOT, dirname(file.path), name)));

/** The table "Folders" of ARCHITECTURE.md: per folder what it may import, as path prefixes. */
function mayImport(): ReadonlyMap<string, readonly string[]> {
  const allowed = new Map<string, readonly string[]>();
  for (const line of architecture.split("\n")) {
    const [, folder, , names] = /^\|\s*`(src\/[\w.]+?)\/?`\s*\|(.*)\|([^|]*)\|\s*$/.exec(line) ?? [];
    if (folder !== undefined && names !== undefined) allowed.set(folder, prefixesOf(names));
  }
  return allowed;
}

function prefixesOf(names: string): readonly string[] {
  return names
    .split(",")
    .map((name) => name.replaceAll("`", "").trim())
    .filter((name) => name !== "" && name !== "–")
    .flatMap((name) => {
      if (name === "everything") return "";
      return name === "adapters' interface"
        ? ["src/adapters/adapter.ts", "src/adapters/media-adapter.ts", "src/adapters/realtime-adapter.ts"]
        : `src/${name}/`;
    });
}

describe("the files of src", () => {
  test("are there to be looked at", () => {
    expect(shipped.length).toBeGreaterThan(20);
    expect(shipped.flatMap(ownImports).length).toBeGreaterThan(50);
  });

  test("import only what the table of ARCHITECTURE.md allows their folder", () => {
    const table = mayImport();
    const wrong = shipped.flatMap((file) => {
      const folder = folderOf(file.path);
      const allowed = table.get(folder);
      if (allowed === undefined)
        return [`${file.path}: ${folder} is not in the table "Folders" of ARCHITECTURE.md`];
      return ownImports(file)
        .filter(
          (target) => folderOf(target) !== folder && !allowed.some((prefix) => target.startsWith(prefix)),
        )
        .map(
          (target) => `${file.path} imports ${target}, but ${folder} may import only: ${allowed.join(", ")}`,
        );
    });
    expect(wrong).toEqual([]);
  });

  test("do not import what is only for tests", () => {
    const wrong = shipped.flatMap((file) =>
      ownImports(file)
        .filter((target) => IS_FOR_TESTS.test(target) || target.startsWith("tests/"))
        .map((target) => `${file.path} imports ${target}, which is for tests`),
    );
    expect(wrong).toEqual([]);
  });

  test("name the file that they import, with its extension", () => {
    const wrong = files.flatMap((file) =>
      file.imports
        .filter((name) => name.startsWith(".") && !/\.(?:ts|json|yaml|sql|html)$/.test(name))
        .map((name) => `${file.path} imports '${name}' without an extension`),
    );
    expect(wrong).toEqual([]);
  });

  test("take time and chance from a Clock and a Random", () => {
    const wrong = shipped
      .filter(({ path }) => !SOURCES_OF_TIME_AND_CHANCE.includes(path))
      .map(({ path, code }) => ({
        path,
        code: code.replace(/"(?:[^"\\\n]|\\.)*"/g, (quoted) => " ".repeat(quoted.length)),
      }))
      .flatMap(({ path, code }) =>
        [...code.matchAll(TIME_AND_CHANCE)].map(
          (match) =>
            `${path}:${code.slice(0, match.index).split("\n").length} calls ${match[0].replace(/\s*\(.*/, "")}: take a Clock or a Random instead`,
        ),
      );
    expect(wrong).toEqual([]);
  });

  test("have names that say what is in them", () => {
    const wrong = files.flatMap(({ path }) =>
      path
        .split("/")
        .flatMap((part) => basename(part, ".ts").split(/[.-]/))
        .filter((word) => NAMES_THAT_SAY_NOTHING.test(word))
        .map((word) => `${path}: '${word}' could hold anything; name the concept`),
    );
    expect(wrong).toEqual([]);
  });

  test(`hold one concept, in at most ${MAX_LINES} lines`, () => {
    const wrong = files
      .map(({ path, text }) => ({ path, lines: text.split("\n").length - 1 }))
      .filter(({ lines }) => lines > MAX_LINES)
      .map(({ path, lines }) => `${path} has ${lines} lines: split it by concept`);
    expect(wrong).toEqual([]);
  });
});

describe("dependencies", () => {
  interface Manifest {
    readonly dependencies: Readonly<Record<string, string>>;
    readonly devDependencies: Readonly<Record<string, string>>;
  }
  const manifest: Manifest = JSON.parse(textOf("package.json"));
  const all = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });

  test("have exact versions", () => {
    const loose = all.filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version));
    expect(loose).toEqual([]);
  });

  test("are each named in ARCHITECTURE.md, with what they are for", () => {
    const unnamed = all
      .map(([name]) => name)
      .filter((name) => !architecture.includes(`\`${name}\``))
      .map((name) => `ARCHITECTURE.md does not name \`${name}\``);
    expect(unnamed).toEqual([]);
  });

  test("of what is shipped are not development dependencies", () => {
    const wrong = shipped.flatMap((file) =>
      file.imports
        .filter((name) => !/^(?:\.|node:|bun(?::|$))/.test(name))
        .map((name) =>
          name
            .split("/")
            .slice(0, name.startsWith("@") ? 2 : 1)
            .join("/"),
        )
        .filter((name) => !Object.hasOwn(manifest.dependencies, name))
        .map((name) => `${file.path} imports ${name}, which is not in "dependencies"`),
    );
    expect(wrong).toEqual([]);
  });
});
