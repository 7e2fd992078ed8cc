/** How long a recording is, in whole seconds rounded up. The same twice where the recording says it itself. */
export interface SoundLength {
  readonly likelySeconds: number;
  readonly mostSeconds: number;
}

/** Bytes a second that a kind of recording has at least, and mostly: speech is recorded small, music and films are not. */
interface Density {
  readonly least: number;
  readonly usual: number;
}

/** MP3 and AAC: 8 kbit/s at least, 64 as phones record. Opus in OGG and WebM: 6 and 24. Films: 64 kbit/s and 1 Mbit/s. */
const PACKED: Density = { least: 1_000, usual: 8_000 };
const OPUS: Density = { least: 750, usual: 3_000 };

/** No recording that fits a request is longer; a header may say anything. */
const MOST_SECONDS = 100 * 3_600;

/**
 * Out of the header of WAV, FLAC and MPEG-4 recordings; of others by their size. What vendors count is what is charged:
 * this is what is held for, and charged for by a vendor that never tells.
 */
export function soundLength(bytes: Uint8Array): SoundLength {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const told = wavSeconds(bytes, view) ?? flacSeconds(bytes, view) ?? mpeg4Seconds(bytes, view);
  if (told !== undefined && told > 0 && told <= MOST_SECONDS) {
    const seconds = Math.ceil(told);
    return { likelySeconds: seconds, mostSeconds: seconds };
  }
  const isOpus = isAt(bytes, 0, "OggS") || (bytes[0] === 0x1a && bytes[1] === 0x45);
  const { least, usual } = isOpus ? OPUS : PACKED;
  return {
    likelySeconds: Math.max(1, Math.ceil(bytes.byteLength / usual)),
    mostSeconds: Math.max(1, Math.ceil(bytes.byteLength / least)),
  };
}

const isAt = (bytes: Uint8Array, at: number, word: string): boolean =>
  bytes.length >= at + word.length &&
  [...word].every((sign, index) => bytes[at + index] === sign.charCodeAt(0));

/** RIFF: `fmt ` says how many bytes a second has, `data` how many there are; a stream's header says too many. */
function wavSeconds(bytes: Uint8Array, view: DataView): number | undefined {
  if (!isAt(bytes, 0, "RIFF") || !isAt(bytes, 8, "WAVE")) return undefined;
  let perSecond = 0;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const size = view.getUint32(at + 4, true);
    if (isAt(bytes, at, "fmt ") && at + 20 <= bytes.length) perSecond = view.getUint32(at + 16, true);
    if (isAt(bytes, at, "data")) {
      return perSecond === 0 ? undefined : Math.min(size, bytes.length - at - 8) / perSecond;
    }
    // Chunks are padded to even lengths.
    at += 8 + size + (size % 2);
  }
  return undefined;
}

/** RFC 9639: STREAMINFO stands first; 20 bits of rate, and 36 bits of how many samples there are (0: unknown). */
function flacSeconds(bytes: Uint8Array, view: DataView): number | undefined {
  if (!isAt(bytes, 0, "fLaC") || bytes.length < 26) return undefined;
  const rate = view.getUint32(18) >>> 12;
  const samples = (view.getUint8(21) & 0x0f) * 2 ** 32 + view.getUint32(22);
  return rate === 0 || samples === 0 ? undefined : samples / rate;
}

/** ISO 14496-12: the box `mvhd` inside `moov` holds a time scale and a length in it. */
function mpeg4Seconds(bytes: Uint8Array, view: DataView): number | undefined {
  if (!isAt(bytes, 4, "ftyp")) return undefined;
  const moov = boxIn(bytes, view, "moov", 0, bytes.length);
  const mvhd = moov && boxIn(bytes, view, "mvhd", moov.start, moov.end);
  if (mvhd === undefined || mvhd.end - mvhd.start < 20) return undefined;
  const isLong = view.getUint8(mvhd.start) === 1;
  if (isLong && mvhd.end - mvhd.start < 32) return undefined;
  const scale = view.getUint32(mvhd.start + (isLong ? 20 : 12));
  const length = isLong ? Number(view.getBigUint64(mvhd.start + 24)) : view.getUint32(mvhd.start + 16);
  return scale === 0 ? undefined : length / scale;
}

function boxIn(
  bytes: Uint8Array,
  view: DataView,
  name: string,
  from: number,
  to: number,
): { readonly start: number; readonly end: number } | undefined {
  for (let at = from; at + 8 <= to; ) {
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
