/** What something is, by its first bytes. What a server or a client says of it counts for nothing. */

/** As many bytes as the longest of these signatures needs. */
export const SNIFFED_BYTES = 64;

/** The content type of a picture or a piece of sound; undefined for everything else, pages and scripts among them. */
export function contentTypeOf(head: Uint8Array): string | undefined {
  return (
    SIGNATURES.find(({ parts }) => parts.every(([at, text]) => hasAt(head, at, text)))?.type ?? mp3(head)
  );
}

/** What a batch is made of. No signature tells it: it is taken for that only where one is expected. */
export const JSON_LINES = "application/jsonl";

/** Whether its first sign, after white space and a byte order mark, opens a JSON object. */
export function beginsAsJsonLines(head: Uint8Array): boolean {
  const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString("latin1");
  return /^(?:\xef\xbb\xbf)?[ \t\r\n]*\{/.test(text);
}

export const isPicture = (contentType: string): boolean => contentType.startsWith("image/");

/** The end of a file's name. */
export const extensionOf = (contentType: string): string => EXTENSIONS[contentType] ?? "bin";

interface Signature {
  readonly type: string;
  /** Offset, and the bytes there as Latin-1. */
  readonly parts: readonly (readonly [number, string])[];
}

const is = (type: string, ...parts: Signature["parts"]): Signature => ({ type, parts });
const SIGNATURES: readonly Signature[] = [
  is("image/png", [0, "\x89PNG\r\n\x1a\n"]),
  is("image/jpeg", [0, "\xff\xd8\xff"]),
  is("image/webp", [0, "RIFF"], [8, "WEBP"]),
  is("image/gif", [0, "GIF87a"]),
  is("image/gif", [0, "GIF89a"]),
  is("image/avif", [4, "ftypavif"]),
  is("image/avif", [4, "ftypavis"]),
  is("image/heic", [4, "ftypheic"]),
  is("image/heic", [4, "ftypheix"]),
  is("image/heic", [4, "ftypmif1"]),
  is("audio/wav", [0, "RIFF"], [8, "WAVE"]),
  is("audio/ogg", [0, "OggS"]),
  is("audio/flac", [0, "fLaC"]),
  is("audio/mpeg", [0, "ID3"]),
  is("audio/mp4", [4, "ftypM4A "]),
  is("audio/webm", [0, "\x1a\x45\xdf\xa3"]),
];

const EXTENSIONS: Readonly<Record<string, string>> = {
  "image/png": "png",
  "image/jpeg": "jpg",
  "image/webp": "webp",
  "image/gif": "gif",
  "image/avif": "avif",
  "image/heic": "heic",
  "audio/wav": "wav",
  "audio/ogg": "ogg",
  "audio/flac": "flac",
  "audio/mpeg": "mp3",
  "audio/aac": "aac",
  "audio/mp4": "m4a",
  "audio/webm": "webm",
  [JSON_LINES]: "jsonl",
};

/** Frames of MPEG audio begin with eleven ones; the layer tells MP3 (01) from AAC in ADTS (00). */
function mp3(head: Uint8Array): string | undefined {
  const [first, second = 0] = head;
  if (head.length < 4 || first !== 0xff || (second & 0xe0) !== 0xe0) return undefined;
  if ((second & 0xf6) === 0xf0) return "audio/aac";
  return (second & 0x06) === 0x02 ? "audio/mpeg" : undefined;
}

function hasAt(head: Uint8Array, at: number, text: string): boolean {
  if (head.length < at + text.length) return false;
  for (let index = 0; index < text.length; index++)
    if (head[at + index] !== text.charCodeAt(index)) return false;
  return true;
}
