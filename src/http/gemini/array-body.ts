/**
 * A stream of responses as Google sends it to whoever does not ask for SSE: one JSON array, element by element. Comments
 * have no place in it.
 */
export function arrayBody(sse: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = sse.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  let hasBegun = false;

  const elementsIn = (text: string): string => {
    const frames = (rest + text).split(/\r?\n\r?\n/);
    rest = frames.pop() ?? "";
    return frames.map(dataIn).filter(isSaid).map(element).join("");
  };
  const element = (json: string): string => {
    const before = hasBegun ? ",\r\n" : "[";
    hasBegun = true;
    return before + json;
  };

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) {
          controller.enqueue(encoder.encode(hasBegun ? "]" : "[]"));
          controller.close();
          return;
        }
        const elements = elementsIn(decoder.decode(value, { stream: true }));
        if (elements === "") continue;
        controller.enqueue(encoder.encode(elements));
        return;
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

const encoder = new TextEncoder();

const isSaid = (json: string): boolean => json !== "";

const dataIn = (frame: string): string =>
  frame
    .split(/\r?\n/)
    .filter((line) => line.startsWith("data:"))
    .map((line) => line.slice(5).trim())
    .join("");
