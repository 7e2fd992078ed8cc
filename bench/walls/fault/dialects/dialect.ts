import type { ErrorCode } from "../../../../src/core/errors.ts";
import type { Mode } from "../fault.ts";
import { TOOL, type WireName } from "../wires/wire.ts";

/** One way to ask a gateway. */
export interface Dialect {
  readonly name: string;
  readonly modes: readonly Mode[];
  /** Vendors' wires that it can be served from. */
  readonly wires: readonly WireName[];
  readonly hasTools: boolean;
  /** Shows calls only when they are whole. */
  readonly hasWholeCalls?: boolean;
  /** Other gateways speak it, too. */
  readonly isCommon: boolean;
  /** What an error is called there. */
  readonly wordFor: (code: ErrorCode) => string;
  /** Asks once, and reads to the end. Rejects when the gateway cannot be reached. */
  readonly ask: (to: Asked) => Promise<Seen>;
}

export interface Asked {
  readonly url: string;
  readonly key: string;
  readonly model: string;
  readonly mode: Mode;
  /** A tool may be called. */
  readonly withTool: boolean;
}

/** What a client saw. */
export interface Seen {
  /** Absent where there is none. */
  readonly status?: number;
  readonly end: End;
  readonly error?: string;
  /** The words, or the arguments of the call. */
  readonly text: string;
  readonly request: string;
  /** Points, where the client was told. */
  readonly cost?: string;
  readonly retryAfter?: string;
  /** Bytes of what was asked. */
  readonly bytes: number;
}

/**
 * `whole`: a normal end. `broken`: an error where it broke off, and no normal end. `refused`: an error in place of an
 * answer. `none`: neither, as if the line went dead. `both`: an error and a normal end.
 */
export type End = "whole" | "broken" | "refused" | "none" | "both";

export const endOf = (hasEnd: boolean, hasError: boolean): End => {
  if (hasEnd) return hasError ? "both" : "whole";
  return hasError ? "broken" : "none";
};

export const QUESTION = "How are you?";
export const TOOL_SCHEMA = { type: "object", properties: { a: { type: "number" } } } as const;
export const CHAT_TOOLS = [{ type: "function", function: { name: TOOL, parameters: TOOL_SCHEMA } }] as const;

export const sameWord = (code: ErrorCode): string => code;

/** An SSE answer, frame by frame. */
export interface SseFrame {
  readonly event?: string;
  readonly data?: string;
  readonly comments: readonly string[];
}

export function framesIn(text: string): readonly SseFrame[] {
  return text
    .replaceAll("\r\n", "\n")
    .split("\n\n")
    .flatMap((block) => {
      const lines = block.split("\n").filter((line) => line !== "");
      if (lines.length === 0) return [];
      const after = (start: string): string[] =>
        lines.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length));
      const [event] = after("event: ");
      const [data] = after("data: ");
      return [
        {
          comments: after(": "),
          ...(event === undefined ? {} : { event }),
          ...(data === undefined ? {} : { data }),
        },
      ];
    });
}

/** The cost in the comment that ends a stream. */
export function costIn(frames: readonly SseFrame[]): { readonly cost?: string } {
  const told = frames.flatMap(({ comments }) => comments).find((comment) => comment.startsWith("sluice {"));
  return told === undefined
    ? {}
    : { cost: (JSON.parse(told.slice("sluice ".length)) as { cost: string }).cost };
}

/** What an answer says besides its body. */
export function headSeen({
  status,
  headers,
}: Response): Pick<Seen, "status" | "request" | "cost" | "retryAfter"> {
  const [cost, retryAfter] = [headers.get("x-sluice-cost"), headers.get("retry-after")];
  return {
    status,
    request: headers.get("x-request-id") ?? "",
    ...(cost === null ? {} : { cost }),
    ...(retryAfter === null ? {} : { retryAfter }),
  };
}

/** A request with the key, and the bytes of its body. */
export async function post(
  { url, key }: Asked,
  path: string,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly response: Response; readonly text: string; readonly bytes: number }> {
  const json = JSON.stringify(body);
  const response = await fetch(url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
    body: json,
  });
  return { response, text: await response.text(), bytes: Buffer.byteLength(json) };
}
