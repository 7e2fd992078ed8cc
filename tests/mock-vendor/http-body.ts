import type { Outgoing } from "./http-server.ts";

/** The body of one answer on its way out. */
export interface Body {
  write(bytes: Uint8Array): Promise<void>;
  /** Ends the body as HTTP does; the connection stays open. */
  end(): void;
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A body whose length is said before; `length` may be more than will be written. */
export function sizedBody(
  out: Outgoing,
  status: number,
  headers: Readonly<Record<string, string>>,
  length: number,
  isByteWise: boolean,
): Body {
  out.write(headOf(status, { ...headers, "content-length": String(length) }));
  return bodyOf(
    out,
    isByteWise,
    (bytes) => out.write(bytes),
    () => {},
  );
}

/** A body in chunks, one for each write. */
export function chunkedBody(
  out: Outgoing,
  status: number,
  headers: Readonly<Record<string, string>>,
  isByteWise: boolean,
): Body {
  out.write(headOf(status, { ...headers, "transfer-encoding": "chunked" }));
  return bodyOf(
    out,
    isByteWise,
    (bytes) => out.write(Buffer.concat([encode(`${bytes.length.toString(16)}\r\n`), bytes, encode("\r\n")])),
    () => out.write("0\r\n\r\n"),
  );
}

function bodyOf(
  out: Outgoing,
  isByteWise: boolean,
  write: (bytes: Uint8Array) => void,
  terminate: () => void,
): Body {
  return {
    async write(bytes) {
      if (!isByteWise) {
        if (bytes.length > 0) write(bytes);
        return;
      }
      for (let at = 0; at < bytes.length && !out.isGone; at += 1) {
        write(bytes.subarray(at, at + 1));
        // Lets the byte leave on its own, and the client read it on its own.
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    end() {
      terminate();
      out.done();
    },
  };
}

const REASONS: Readonly<Record<number, string>> = { 200: "OK", 400: "Bad Request", 429: "Too Many Requests" };

function headOf(status: number, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${REASONS[status] ?? "Status"}\r\n${lines.join("")}\r\n`;
}
