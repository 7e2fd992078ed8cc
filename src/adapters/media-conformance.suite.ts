import { describe, expect, test } from "bun:test";
import { MEDIA_OPERATIONS } from "../core/media.ts";
import { isPlausible } from "../core/usage.ts";
import type { Target } from "./adapter.ts";
import type { JobState, MediaAdapter, MediaCall } from "./media-adapter.ts";
import {
  editRequest,
  MEDIA_SECRET,
  type MediaErrorFixture,
  type MediaExchange,
  type MediaFixtures,
  mediaAnswer,
  pictureRequest,
} from "./testing/media-fixtures.ts";

/** A vendor wants to be asked again within an hour, or not at all. */
const LONGEST_PAUSE_MS = 3_600_000;

type AnyState = JobState | { readonly kind: "unknown" };

/** What every adapter of pictures must do, shown on the exchanges and errors of its vendor. */
export function mediaConformance(adapter: MediaAdapter, fixtures: MediaFixtures): void {
  describe(`${adapter.name} conforms as a vendor of pictures`, () => {
    isWhole(adapter);
    for (const exchange of fixtures.exchanges) meansWhatIsExpected(adapter, exchange);
    for (const row of fixtures.errors) errorIsJudged(adapter, row);
    garbageIsNoAnswer(adapter);
    callsAreAddressed(adapter);
    jobsAreKept(adapter, fixtures.exchanges);
  });
}

/** What a state says of itself, whoever made it. */
function expectSound(state: AnyState): void {
  expect(JSON.stringify(state)).not.toContain(MEDIA_SECRET.slice(8, 24));
  switch (state.kind) {
    case "running":
      expect(state.job.jobId.length).toBeGreaterThan(0);
      expect(state.askAgainMs).toBeGreaterThanOrEqual(0);
      expect(state.askAgainMs).toBeLessThanOrEqual(LONGEST_PAUSE_MS);
      expect(state.progress ?? 0).toBeGreaterThanOrEqual(0);
      expect(state.progress ?? 0).toBeLessThanOrEqual(1);
      expect(structuredClone(state.job)).toEqual(state.job);
      return;
    case "done":
      expect(state.result.pictures.length > 0 || state.result.isWithoutPictures === true).toBe(true);
      for (const picture of state.result.pictures) {
        if (picture.kind === "bytes") {
          expect(picture.bytes.byteLength).toBeGreaterThan(0);
          expect(picture.contentType).toMatch(/^(?:image|video)\/[a-z0-9.+-]+$/);
        } else if (picture.kind === "url") expect(URL.canParse(picture.url)).toBe(true);
      }
      if (state.result.usage !== undefined) expect(isPlausible(state.result.usage)).toBe(true);
      return;
    case "failed":
      expect(state.failure.message.length).toBeGreaterThan(0);
      expect(state.failure.message.length).toBeLessThanOrEqual(500);
      return;
    case "cancelled":
    case "unknown":
      return;
  }
}

function read(
  adapter: MediaAdapter,
  exchange: Omit<MediaExchange, "expected" | "name" | "origin">,
): AnyState {
  const answer = mediaAnswer(exchange.answer);
  const { step, request = pictureRequest(), job = { jobId: "job-1" } } = exchange;
  const state =
    step === "submitted"
      ? adapter.readSubmitted(request, answer)
      : step === "polled"
        ? adapter.readPolled?.(job, answer)
        : adapter.readFound?.("mark", answer, request);
  if (state === undefined) throw new Error(`${adapter.name} reads nothing that is ${step}`);
  return state;
}

function isWhole(adapter: MediaAdapter): void {
  test("asks and reads in pairs, and serves what pictures can be asked for", () => {
    expect(adapter.poll === undefined).toBe(adapter.readPolled === undefined);
    expect(adapter.find === undefined).toBe(adapter.readFound === undefined);
    expect(adapter.operations.size).toBeGreaterThan(0);
    for (const operation of adapter.operations) expect(MEDIA_OPERATIONS).toContain(operation);
  });
}

function meansWhatIsExpected(adapter: MediaAdapter, exchange: MediaExchange): void {
  test(`${exchange.name} (${exchange.origin}, ${exchange.step}) means what is expected`, () => {
    const state = read(adapter, exchange);
    expectSound(state);
    expect(state).toMatchObject(exchange.expected);
  });
}

function errorIsJudged(adapter: MediaAdapter, row: MediaErrorFixture): void {
  test(`error ${row.name} (${row.origin})`, () => {
    const { step = "submitted", request, fault, code, retryAfterMs, mayHaveRun = false } = row;
    const state = read(adapter, { step, answer: row, ...(request && { request }) });
    if (state.kind !== "failed") throw new Error(`read as ${state.kind}`);
    expectSound(state);
    expect({ fault: state.failure.fault, code: state.failure.code }).toEqual({ fault, code });
    expect(state.failure.retryAfterMs).toBe(retryAfterMs);
    expect(state.mayHaveRun ?? false).toBe(mayHaveRun);
  });
}

const PAGE = "<html><head><title>502 Bad Gateway</title></head><body>no $KEY</body></html>";
const GARBAGE: readonly (string | Uint8Array)[] = [
  "",
  " ",
  "null",
  "true",
  "0",
  '""',
  "[]",
  "[null]",
  "{}",
  '{"data":null}',
  '{"data":[null,1,"x",[],{}]}',
  '{"data":{},"output":7,"images":"x","result":{"url":5}}',
  '{"code":1}',
  '{"id":5,"status":{},"progress":"much","imageUrl":[]}',
  '{"error":{"message":"no $KEY","code":{}}}',
  '{"id":"a","stat',
  PAGE,
  "[".repeat(20_000),
  "x".repeat(100_000),
  Uint8Array.from({ length: 256 }, (_, at) => at),
];
const STATUSES = [200, 201, 202, 204, 301, 400, 401, 404, 418, 429, 500, 502, 599];

function garbageIsNoAnswer(adapter: MediaAdapter): void {
  test.each(STATUSES)("garbage with status %i is no answer, throws nothing and keeps the key", (status) => {
    const headers = { "content-type": "text/html" };
    for (const body of GARBAGE) {
      for (const step of ["submitted", "polled", "found"] as const) {
        if (step === "polled" && adapter.readPolled === undefined) continue;
        if (step === "found" && adapter.readFound === undefined) continue;
        const state = read(adapter, { step, answer: { status, headers, body } });
        expectSound(state);
        expect(state.kind).not.toBe("done");
        // Nobody knows what a vendor did that answers a submission with nonsense.
        const isSilent =
          state.kind === "failed" && status < 300 && body !== '{"error":{"message":"no $KEY","code":{}}}';
        if (step === "submitted" && isSilent) expect(state.mayHaveRun).toBe(true);
      }
    }
  });
}

const TARGET: Target = { model: "vendor-model", baseUrl: "https://vendor.test/base", secret: MEDIA_SECRET };

function callsAreAddressed(adapter: MediaAdapter): void {
  const request = adapter.operations.has("image") ? pictureRequest() : editRequest();
  const job = { jobId: "job-1", memo: {} };
  const calls: readonly (readonly [string, () => MediaCall | undefined])[] = [
    ["submit", () => adapter.submit(request, TARGET, "mark")],
    ["poll", () => adapter.poll?.(job, TARGET)],
    ["find", () => adapter.find?.("mark", TARGET)],
    ["cancel", () => adapter.cancel?.(job, TARGET)],
  ];
  for (const [name, build] of calls) {
    test(`the call to ${name} goes to the configured host, with the key in its headers alone`, () => {
      const call = build();
      if (call === undefined) return;
      expect(new URL(call.url).host).toBe("vendor.test");
      expect(call.url).not.toContain(MEDIA_SECRET);
      expect(Object.values(call.headers).join(" ")).toContain(MEDIA_SECRET);
      if (typeof call.body === "string") expect(call.body).not.toContain(MEDIA_SECRET);
    });
  }
  test("a job's id is not believed to be a path", () => {
    const call = adapter.poll?.({ jobId: "../../admin?x=1#y", memo: {} }, TARGET);
    if (call !== undefined) expect(new URL(call.url).pathname).toStartWith("/");
    if (call !== undefined) expect(call.url).not.toContain("../");
  });
  test("the same request makes the same call", () => {
    const one = adapter.submit(request, TARGET, "mark");
    const other = adapter.submit(request, TARGET, "mark");
    if (typeof one.body === "string") expect(other).toEqual(one);
  });
}

/** Whoever goes on with a job has nothing but what was written down of it. */
function jobsAreKept(adapter: MediaAdapter, exchanges: readonly MediaExchange[]): void {
  test("a job that was written down and read again is asked about in the same way", () => {
    for (const exchange of exchanges) {
      const state = read(adapter, exchange);
      if (state.kind !== "running") continue;
      const kept = JSON.parse(JSON.stringify(state.job)) as typeof state.job;
      expect(kept).toEqual(state.job);
      expect(adapter.poll).toBeDefined();
      expect(adapter.poll?.(kept, TARGET)).toEqual(adapter.poll?.(state.job, TARGET) ?? never());
    }
  });
}

function never(): MediaCall {
  throw new Error("an adapter whose jobs run must be able to ask about them");
}
