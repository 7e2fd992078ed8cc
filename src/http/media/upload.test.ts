import { expect, test } from "bun:test";
import { SluiceError } from "../../core/errors.ts";
import { mediaId, tenantId } from "../../core/ids.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import type { MediaBody, StoredMedia } from "../../media/media.ts";
import { createUploads, UPLOAD_MS } from "./upload.ts";

const tenant = tenantId("acme");
const clock = new ManualClock();
/** Reads everything, and keeps nothing. */
const store = {
  async keep(_: typeof tenant, body: MediaBody): Promise<StoredMedia> {
    let bytes = 0;
    for await (const piece of body instanceof Uint8Array ? [body] : body) bytes += piece.byteLength;
    const what = {
      hash: "",
      contentType: "image/png",
      width: 1,
      height: 1,
      source: "upload",
      name: undefined,
    } as const;
    return { id: mediaId("med_1"), tenant, bytes, createdAt: 0, expiresAt: 1, ...what };
  },
};
const uploads = createUploads({ store, clock, maxBytes: 1_000 });

/** A request of which a first piece has come. `end` ends it. */
function slow(headers: Record<string, string> = {}) {
  const end = Promise.withResolvers<void>();
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      controller.enqueue(new Uint8Array(10));
      await end.promise;
      if (!isCancelled) controller.close();
    },
    cancel() {
      isCancelled = true;
      end.resolve();
    },
  });
  const request = new Request("http://localhost/v1/media", { method: "POST", body, headers });
  return { request, end: end.resolve };
}

async function code(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "none";
  } catch (thrown) {
    if (thrown instanceof SluiceError) return thrown.code;
    throw thrown;
  }
}

test.each([{}, { "content-type": "multipart/form-data; boundary=x" }])(
  "an upload that drips on is ended when its time is over: %j",
  async (headers) => {
    const work = code(uploads.take(tenant, slow(headers).request));
    await Bun.sleep(1);
    await clock.advance(UPLOAD_MS);
    expect(await work).toBe("invalid_request");
  },
);

test("a tenant has so many uploads at once; another's are not counted, and ended ones neither", async () => {
  const running = Array.from({ length: 8 }, () => slow());
  const works = running.map(({ request }) => uploads.take(tenant, request));
  expect(await code(uploads.take(tenant, slow().request))).toBe("rate_limit_exceeded");
  const other = slow();
  other.end();
  expect(await code(uploads.take(tenantId("other"), other.request))).toBe("none");
  for (const { end } of running) end();
  const kept = await Promise.all(works);
  expect(kept.every(({ bytes }) => bytes >= 10)).toBe(true);
  const next = slow();
  next.end();
  expect(await code(uploads.take(tenant, next.request))).toBe("none");
});
