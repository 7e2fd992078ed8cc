/**
 * What may leave the process in a log line: no keys, no prompts, no answers, and nothing without a bound.
 * Pure, so that its test is a table.
 */

/** Longest text a field keeps: enough for a URL or a vendor's message, too short for a prompt. */
const MAX_TEXT_CHARS = 500;
/** Entries kept of a list or an object, and levels below the fields themselves. */
const MAX_ENTRIES = 50;
const MAX_DEPTH = 4;

/** Field names whose value is a secret, whatever it looks like: `adminKey`, `x-api-key`, `authorization`, `dbPassword`. */
const SECRET_NAME =
  /^(?:proxy-)?authorization$|^(?:set-)?cookie$|secret|passw(?:or)?d|credential|(?:api|admin|vendor|private|master)[-_]?key$|(?:^|[-_]|access|auth|bearer)token$|ticket$/i;

/** Field names that carry what people wrote or models answered. */
const CONTENT_NAME =
  /^(?:prompt|messages|content|body|input|output|text|reasoning|answer|completion|delta)$/i;

/** Keys inside a text: `sk-…`, `Bearer …`, and the password of a URL. */
const KEY_IN_TEXT = /\b(sk-|ak-|AIza|r8_)[A-Za-z0-9_-]{6,}|\b(Bearer\s+)[^\s"',;]{6,}/g;
const PASSWORD_IN_URL = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@:]*:[^\s/@]*@/gi;

/** The text with every key and URL password replaced, cut to a bounded length. */
export function scrubText(text: string): string {
  const scrubbed = text
    .replace(
      KEY_IN_TEXT,
      (_, prefix: string | undefined, bearer: string | undefined) => `${prefix ?? bearer ?? ""}***`,
    )
    .replace(PASSWORD_IN_URL, "$1***@");
  return scrubbed.length > MAX_TEXT_CHARS ? `${scrubbed.slice(0, MAX_TEXT_CHARS)}…` : scrubbed;
}

/** A copy of the fields that may be written down: plain JSON values only. */
export function scrubFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return scrubEntries(fields, 0);
}

function scrubEntries(fields: object, depth: number): Record<string, unknown> {
  const scrubbed: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields).slice(0, MAX_ENTRIES)) {
    if (value === undefined) continue;
    if (SECRET_NAME.test(name)) scrubbed[name] = "[secret]";
    else if (CONTENT_NAME.test(name) && !isCount(value)) scrubbed[name] = "[content]";
    else scrubbed[name] = scrubValue(value, depth);
  }
  return scrubbed;
}

function scrubValue(value: unknown, depth: number): unknown {
  if (typeof value === "string") return scrubText(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "function" || typeof value === "symbol") return `[${typeof value}]`;
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Error) return scrubError(value, depth);
  if (depth >= MAX_DEPTH) return "[deep]";
  if (Array.isArray(value)) return value.slice(0, MAX_ENTRIES).map((entry) => scrubValue(entry, depth + 1));
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Map) return scrubEntries(Object.fromEntries(value), depth + 1);
  if (value instanceof Set) return scrubValue([...value], depth);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  return scrubEntries(value, depth + 1);
}

/** Name, message, code, where it happened, and its cause: never the other properties, which may hold a request. */
function scrubError(error: Error, depth: number): Record<string, unknown> {
  const code: unknown = "code" in error ? error.code : undefined;
  return {
    name: error.name,
    message: scrubText(error.message),
    ...(typeof code === "string" ? { code } : {}),
    ...(error.stack === undefined ? {} : { stack: scrubText(framesOf(error.stack)) }),
    ...(error.cause === undefined || depth >= MAX_DEPTH ? {} : { cause: scrubValue(error.cause, depth + 1) }),
  };
}

/** The first frames of a stack, without its first lines (they repeat the message). */
function framesOf(stack: string): string {
  return stack
    .split("\n")
    .filter((line) => line.trimStart().startsWith("at "))
    .slice(0, 4)
    .map((line) => line.trim())
    .join(" ");
}

/** Usage names its classes `input` and `output` too; numbers tell nothing. */
const isCount = (value: unknown): boolean => typeof value === "number" || typeof value === "bigint";
