import { OutboundError } from "./outbound.ts";

/**
 * A body that ends in an error past so many bytes. `end` is called once: when it was read to its end, failed, or was
 * cancelled.
 */
export function boundedBody(
  body: ReadableStream<Uint8Array>,
  mostBytes: number,
  failureOf: (thrown: unknown) => OutboundError,
  end: () => void,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let length = 0;
  const leave = (reason: unknown) => reader.cancel(reason).catch(() => {});
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) {
            end();
            controller.close();
            return;
          }
          length += value.byteLength;
          if (length > mostBytes) throw new OutboundError("size");
          controller.enqueue(value);
        } catch (thrown) {
          end();
          controller.error(thrown instanceof OutboundError ? thrown : failureOf(thrown));
          await leave(thrown);
        }
      },
      async cancel(reason) {
        end();
        await leave(reason);
      },
    },
    // Nothing is read ahead of the one who asks.
    { highWaterMark: 0 },
  );
}
