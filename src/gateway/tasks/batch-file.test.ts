import { expect, test } from "bun:test";
import { mediaId, tenantId } from "../../core/ids.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import type { StoredMedia } from "../../media/media.ts";
import { JSON_LINES } from "../../media/sniff.ts";
import { createBatchFiles } from "./batch-file.ts";

const TENANT = tenantId("t");
const WANTED = { id: mediaId("med_1"), param: "input_file", endpoint: undefined };
const LINE = Buffer.from('{"body":{}}\n');
const FILE: StoredMedia = {
  id: WANTED.id,
  tenant: TENANT,
  hash: "h",
  contentType: JSON_LINES,
  bytes: 2 * LINE.length,
  width: undefined,
  height: undefined,
  source: "upload",
  name: undefined,
  createdAt: 0,
  expiresAt: 1,
};

/** A store whose streams are these, in turn. */
function filesOf(clock: ManualClock, ...streams: readonly ReadableStream<Uint8Array>[]) {
  const left = [...streams];
  const read = async () => {
    const stream = left.shift();
    if (stream === undefined) throw new Error("nothing more was to be read");
    return stream;
  };
  return createBatchFiles({ find: async () => FILE, read }, clock);
}

const whole = () =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(LINE);
      controller.close();
    },
  });
/** One line, then nothing, or an error. */
const broken = (onCancel: () => void, error?: Error) =>
  new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(LINE),
    pull: (controller) => (error === undefined ? new Promise(() => {}) : controller.error(error)),
    cancel: onCancel,
  });

test("a store that breaks off, or falls silent, is no fault of the file's, and the next one has its turn", async () => {
  const clock = new ManualClock();
  let cancelled = 0;
  const onCancel = () => {
    cancelled += 1;
  };
  const files = filesOf(clock, broken(onCancel, new Error("secret of the store")), broken(onCancel), whole());
  const refusal = { code: "overloaded", message: "The file cannot be read at the moment. Try again." };
  await expect(files.open(TENANT, WANTED, async () => "taken")).rejects.toMatchObject(refusal);
  const silent = files.open(TENANT, WANTED, async () => "taken").catch((thrown: unknown) => thrown);
  const next = files.open(TENANT, WANTED, async ({ urls }) => urls.size);
  await Bun.sleep(0);
  await clock.advance(20_000);
  expect(await silent).toMatchObject(refusal);
  expect(await next).toBe(1);
  expect(cancelled).toBe(1);
});
