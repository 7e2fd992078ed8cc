import { readdirSync, readFileSync } from "node:fs";
import type { Operation } from "../../core/catalog.ts";
import type { FinishReason, GenerationRequest, JsonObject } from "../../core/generation.ts";
import type { Usage } from "../../core/usage.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import { OPENAI_WIRE, type Wire } from "./wire.ts";

/** One exchange with a vendor: the same answer streamed and whole, and what it means. */
export interface Fixture {
  readonly name: string;
  /** `recorded`: the shape of a real answer, long texts and ids filled in. `constructed`: made from the documentation. */
  readonly origin: "recorded" | "constructed";
  /** Where the shape comes from; the places themselves are listed in `../README.md`. */
  readonly source: string;
  readonly operation: Operation;
  readonly request: JsonObject;
  /** Chunk objects; a string is a comment (`: …`) or other data (`[DONE]`). Absent: the operation does not stream. */
  readonly stream?: readonly (JsonObject | string)[];
  /** Each frame has an `event:` line that repeats the `type` of its data. */
  readonly namesEvents?: boolean;
  /** Each frame is numbered and says its HTTP status, as DashScope's do, without a space after `data:`. */
  readonly isNumbered?: boolean;
  readonly answer: JsonObject;
  /** What the vendor sends before the JSON of a whole answer. */
  readonly answerLead?: string;
  readonly expected: Expected;
}

export interface Expected {
  readonly text?: string;
  readonly reasoning?: string;
  readonly refusal?: string;
  readonly calls?: readonly ExpectedCall[];
  readonly finish?: FinishReason;
  readonly usage: Usage;
}

export interface ExpectedCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

/** One refusal of a vendor and how it is to be judged. */
export interface ErrorFixture {
  readonly name: string;
  readonly origin: "recorded" | "constructed";
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
  readonly fault: VendorFailure["fault"];
  readonly code: VendorFailure["code"];
  readonly retryAfterMs?: number;
}

export interface VendorFixtures {
  readonly exchanges: readonly Fixture[];
  readonly errors: readonly ErrorFixture[];
  readonly wire: Wire;
}

/** The fixtures in an adapter's own folder, which is named below `src/adapters`. */
export function readFixtures(folder: string): VendorFixtures {
  const directory = new URL(`../${folder}/fixtures/`, import.meta.url);
  const names = readdirSync(directory).filter((name) => name.endsWith(".json"));
  const exchanges: Fixture[] = [];
  let errors: readonly ErrorFixture[] = [];
  let wire = OPENAI_WIRE;
  for (const name of names.toSorted()) {
    const parsed: unknown = JSON.parse(readFileSync(new URL(name, directory), "utf8"));
    // Our own files, in the form described above.
    if (name === "errors.json") errors = (parsed as { readonly rows: readonly ErrorFixture[] }).rows;
    else if (name === "wire.json") wire = parsed as Wire;
    else exchanges.push({ ...(parsed as Omit<Fixture, "name">), name: name.replace(".json", "") });
  }
  return { exchanges, errors, wire };
}

/** The bytes of a fixture's stream, as a vendor with such line ends would send them. */
export function streamBytes(fixture: Fixture, newline: "\n" | "\r\n" = "\n"): Uint8Array {
  const frames = (fixture.stream ?? []).map((item, index) => {
    if (typeof item === "string") return item.startsWith(":") ? item : `data: ${item}`;
    if (fixture.isNumbered === true) {
      return [`id:${index + 1}`, "event:result", ":HTTP_STATUS/200", `data:${JSON.stringify(item)}`].join(
        newline,
      );
    }
    const event = fixture.namesEvents === true ? `event: ${String(item.type)}${newline}` : "";
    return `${event}data: ${JSON.stringify(item)}`;
  });
  return Buffer.from(frames.map((frame) => frame + newline + newline).join(""));
}

/** What ends a fixture's stream: it is whole once these bytes have come. */
export function endMarkerOf(fixture: Fixture): string {
  const stream = fixture.stream ?? [];
  const last = stream.at(-1);
  return stream.includes("[DONE]") || last === undefined ? "[DONE]" : JSON.stringify(last);
}

/** The bytes of a fixture's whole answer. */
export const answerBytes = (fixture: Fixture): Uint8Array =>
  Buffer.from((fixture.answerLead ?? "") + JSON.stringify(fixture.answer));

/** The request behind a fixture. */
export function requestOf(
  operation: Operation,
  body: JsonObject,
  changes: Partial<GenerationRequest> = {},
): GenerationRequest {
  const stream = changes.stream ?? body.stream === true;
  return {
    operation,
    model: "public-model",
    stream,
    includeUsage: false,
    body,
    choices: 1,
    promptTokens: 100,
    usesTools: body.tools !== undefined,
    usesImages: false,
    ...changes,
  };
}
