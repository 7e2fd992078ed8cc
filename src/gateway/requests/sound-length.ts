import type { SoundFile } from "../../core/sound.ts";

/** How long a recording is, in whole seconds rounded up. */
export type SoundLength = Pick<SoundFile, "likelySeconds" | "mostSeconds" | "isTold">;

/** Bytes a second that a kind of recording has at least, and mostly: speech is recorded small, music and films are not. */
interface Density {
  readonly least: number;
  readonly usual: number;
}

/** MP3 and AAC: 8 kbit/s at least, 64 as phones record. Opus in OGG and WebM: 6 and 24. */
const PACKED: Density = { least: 1_000, usual: 8_000 };
const OPUS: Density = { least: 750, usual: 3_000 };
/** FLAC makes a tenth of samples at best, but of silence; what it says that its samples are is believed so far. */
const FLAC_RATIO = 10;
const FLAC_MOST_LEAST = 8_000;

/** No recording that fits a request is longer; a header may say anything. */
const MOST_SECONDS = 100 * 3_600;
/** Chunks and boxes that are looked through: real files have a dozen, and empty ones fill a body by the million. */
const MOST_CHUNKS = 1_000;

/** What a header says, and how long it can be at most whatever it says. */
interface Told {
  readonly seconds: number;
  readonly most: number;
}

/**
 * Out of the header of WAV, FLAC and MPEG-4 recordings; of others by their size. What vendors count is what is charged:
 * this is what is held for, and charged for by a vendor that never tells. A header is the client's word, which a vendor that
 * decodes the recording does not ask for: but for plain samples, whose number is seen, the hold is by the size.
 */
export function soundLength(bytes: Uint8Array): SoundLength {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const told = wavLength(bytes, view) ?? flacLength(bytes, view) ?? mpeg4Length(bytes, view);
  if (told !== undefined && told.seconds > 0 && told.seconds <= MOST_SECONDS) {
    const likelySeconds = Math.ceil(told.seconds);
    return { likelySeconds, mostSeconds: Math.max(likelySeconds, Math.ceil(told.most)), isTold: true };
  }
  const isOpus = isAt(bytes, 0, "OggS") || (bytes[0] === 0x1a && bytes[1] === 0x45);
  const { least, usual } = isOpus ? OPUS : PACKED;
  return {
    likelySeconds: Math.max(1, Math.ceil(bytes.byteLength / usual)),
    mostSeconds: Math.max(1, Math.ceil(bytes.byteLength / least)),
  };
}

function isAt(bytes: Uint8Array, at: number, word: string): boolean {
  if (bytes.length < at + word.length) return false;
  for (let index = 0; index < word.length; index += 1)
    if (bytes[at + index] !== word.charCodeAt(index)) return false;
  return true;
}

/** Formats of WAV whose samples stand there as they are: PCM, floats, A-law, µ-law, and the extensible form of these. */
const PLAIN_FORMATS: ReadonlySet<number> = new Set([1, 3, 6, 7, 0xfffe]);

/** RIFF: `fmt ` says how many samples a second has, `data` how many bytes there are; a stream's header says too many. */
function wavLength(bytes: Uint8Array, view: DataView): Told | undefined {
  if (!isAt(bytes, 0, "RIFF") || !isAt(bytes, 8, "WAVE")) return undefined;
  let said = 0;
  let least = PACKED.least;
  for (let at = 12, chunks = 0; at + 8 <= bytes.length && chunks < MOST_CHUNKS; chunks += 1) {
    const size = view.getUint32(at + 4, true);
    if (isAt(bytes, at, "fmt ") && at + 24 <= bytes.length && said > 0) {
      // Which of two a decoder goes by, nobody knows.
      least = PACKED.least;
    } else if (isAt(bytes, at, "fmt ") && at + 24 <= bytes.length) {
      said = view.getUint32(at + 16, true);
      const seen = (view.getUint32(at + 12, true) * channelBits(view, at)) / 8;
      // A decoder goes by the samples, not by what is said of their bytes.
      if (PLAIN_FORMATS.has(view.getUint16(at + 8, true)) && seen > 0) least = seen;
    }
    if (isAt(bytes, at, "data")) {
      if (said === 0) return undefined;
      const rest = bytes.length - at - 8;
      return { seconds: Math.min(size, rest) / said, most: rest / least };
    }
    // Chunks are padded to even lengths.
    at += 8 + size + (size % 2);
  }
  return undefined;
}

const channelBits = (view: DataView, fmt: number): number =>
  view.getUint16(fmt + 10, true) * view.getUint16(fmt + 22, true);

/** RFC 9639: STREAMINFO stands first; 20 bits of rate, 3 of channels, 5 of depth, and 36 of how many samples there are (0: unknown). */
function flacLength(bytes: Uint8Array, view: DataView): Told | undefined {
  if (!isAt(bytes, 0, "fLaC") || bytes.length < 26) return undefined;
  const form = view.getUint32(18);
  const rate = form >>> 12;
  const samples = (view.getUint8(21) & 0x0f) * 2 ** 32 + view.getUint32(22);
  if (rate === 0 || samples === 0) return undefined;
  const bits = (((form >>> 9) & 7) + 1) * (((form >>> 4) & 31) + 1);
  const least = Math.min(FLAC_MOST_LEAST, (rate * bits) / 8 / FLAC_RATIO);
  return { seconds: samples / rate, most: bytes.length / least };
}

/** ISO 14496-12: the box `mvhd` inside `moov` holds a time scale and a length in it. */
function mpeg4Length(bytes: Uint8Array, view: DataView): Told | undefined {
  if (!isAt(bytes, 4, "ftyp")) return undefined;
  const moov = boxIn(bytes, view, "moov", 0, bytes.length);
  const mvhd = moov && boxIn(bytes, view, "mvhd", moov.start, moov.end);
  if (mvhd === undefined || mvhd.end - mvhd.start < 20) return undefined;
  const isLong = view.getUint8(mvhd.start) === 1;
  if (isLong && mvhd.end - mvhd.start < 32) return undefined;
  const scale = view.getUint32(mvhd.start + (isLong ? 20 : 12));
  const length = isLong ? Number(view.getBigUint64(mvhd.start + 24)) : view.getUint32(mvhd.start + 16);
  return scale === 0 ? undefined : { seconds: length / scale, most: bytes.length / PACKED.least };
}

function boxIn(
  bytes: Uint8Array,
  view: DataView,
  name: string,
  from: number,
  to: number,
): { readonly start: number; readonly end: number } | undefined {
  for (let at = from, boxes = 0; at + 8 <= to && boxes < MOST_CHUNKS; boxes += 1) {
    const size = view.getUint32(at);
    const isLarge = size === 1 && at + 16 <= to;
    const length = isLarge ? Number(view.getBigUint64(at + 8)) : size === 0 ? to - at : size;
    if (length < 8) return undefined;
    const end = Math.min(to, at + length);
    if (isAt(bytes, at + 4, name)) return { start: at + (isLarge ? 16 : 8), end };
    at += length;
  }
  return undefined;
}
