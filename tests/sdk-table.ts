import { expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withPart } from "../bench/readme.ts";
import { VENDORS, type Vendor } from "./text-vendors.ts";

/** What each published SDK was seen to do with each vendor: a table in README that the tests of the SDKs check, or write. */
const README = join(import.meta.dir, "../README.md");
const MARKS = {
  begin: "<!-- SDKs: written by `bun run table:sdk` -->",
  end: "<!-- end of SDKs -->",
};

const SHOWN: Readonly<Record<Vendor, string>> = {
  openai: "OpenAI",
  deepseek: "DeepSeek",
  qwen: "Qwen",
  doubao: "Doubao",
  anthropic: "Anthropic",
  gemini: "Gemini",
};
const SEEN = "✓";
/** There is no test of it with this vendor: it has no such thing, or the test is written otherwise. */
const NOT_SEEN = "–";

/** Order of the SDKs in the table, and the packages they come in. */
const SDKS = {
  "chat completions": "openai",
  responses: "openai",
  messages: "@anthropic-ai/sdk",
  contents: "@google/genai",
} as const;
type Sdk = keyof typeof SDKS;

const HEAD = [
  `| SDK | what | ${VENDORS.map((vendor) => SHOWN[vendor]).join(" | ")} |`,
  `| --- | --- |${VENDORS.map(() => " :-: |").join("")}`,
];

/** The rows of one SDK, in the making. */
export class SdkTable {
  readonly #seen = new Map<string, Set<Vendor>>();

  constructor(readonly sdk: Sdk) {}

  /** A test that has come to its end says so. */
  saw(what: string, vendor: Vendor): void {
    const vendors = this.#seen.get(what) ?? new Set();
    vendors.add(vendor);
    this.#seen.set(what, vendors);
  }

  /** The last test of an SDK: README says what was seen, no more and no less. `SLUICE_WRITE_TABLE=1` writes it there. */
  check(): void {
    const rows = this.#rows();
    if (process.env.SLUICE_WRITE_TABLE === "1") write(this.sdk, rows);
    expect(rowsIn(readFileSync(README, "utf8"), this.sdk)).toEqual(rows);
  }

  #rows(): readonly string[] {
    return [...this.#seen].map(([what, vendors]) => {
      const cells = VENDORS.map((vendor) => (vendors.has(vendor) ? SEEN : NOT_SEEN));
      return `${beginOf(this.sdk)} ${what} | ${cells.join(" | ")} |`;
    });
  }
}

/** An SDK is of a version; another one has to be seen anew. */
function beginOf(sdk: Sdk): string {
  const { devDependencies } = JSON.parse(readFileSync(join(import.meta.dir, "../package.json"), "utf8")) as {
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  return `| \`${SDKS[sdk]}\` ${devDependencies[SDKS[sdk]]}, ${sdk} |`;
}

function partIn(readme: string): readonly string[] {
  const part = readme.split(MARKS.begin)[1]?.split(MARKS.end)[0];
  if (part === undefined) throw new Error(`README has no part between "${MARKS.begin}" and "${MARKS.end}"`);
  return part.split("\n").filter((line) => line.startsWith("|"));
}

const isOf = (row: string, sdk: Sdk): boolean => row.split(" | ")[0]?.endsWith(`, ${sdk}`) === true;

const rowsIn = (readme: string, sdk: Sdk): readonly string[] =>
  partIn(readme).filter((row) => isOf(row, sdk));

function write(sdk: Sdk, rows: readonly string[]): void {
  const readme = readFileSync(README, "utf8");
  const all = (Object.keys(SDKS) as Sdk[]).flatMap((one) => (one === sdk ? rows : rowsIn(readme, one)));
  writeFileSync(README, withPart(readme, MARKS, [...HEAD, ...all].join("\n")));
}
