import { describe, expect, test } from "bun:test";
import { soundLength } from "./sound-length.ts";

/** One channel of 8 bits, so that a byte is a sample. */
function wav(rate: number, samples: number, told = samples): Uint8Array {
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(Math.min(36 + told, 0xffff_ffff), 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate, 28);
  head.writeUInt16LE(8, 34);
  head.write("data", 36);
  head.writeUInt32LE(told, 40);
  return Buffer.concat([head, Buffer.alloc(samples)]);
}

function flac(rate: number, samples: number): Uint8Array {
  const bytes = Buffer.alloc(42);
  bytes.write("fLaC", 0);
  // One channel of 16 bits.
  bytes.writeUInt32BE(((rate << 12) | (15 << 4)) >>> 0, 18);
  bytes.writeUInt8(0xf0 | Math.floor(samples / 2 ** 32), 21);
  bytes.writeUInt32BE(samples >>> 0, 22);
  return bytes;
}

function box(name: string, content: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + content.length, 0);
  head.write(name, 4);
  return Buffer.concat([head, content]);
}

function mpeg4(scale: number, length: number): Uint8Array {
  const mvhd = Buffer.alloc(100);
  mvhd.writeUInt32BE(scale, 12);
  mvhd.writeUInt32BE(length, 16);
  return Buffer.concat([
    box("ftyp", Buffer.from("M4A isom")),
    box("mdat", Buffer.alloc(50)),
    box("moov", Buffer.concat([box("trak", Buffer.alloc(9)), box("mvhd", mvhd)])),
  ]);
}

const exactly = (seconds: number) => ({
  likelySeconds: seconds,
  mostSeconds: seconds,
  isTold: true as const,
});

/** The same with other bytes from a place on. */
function forged(bytes: Uint8Array, at: number, ...values: readonly number[]): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy.set(values, at);
  return copy;
}

describe("how long a recording is", () => {
  test.each([
    ["WAV", wav(8_000, 20_000), 3],
    ["a streamed WAV, whose header says too much", wav(8_000, 16_000, 0xffff_ffff), 2],
    ["FLAC", flac(44_100, 44_101), 2],
    ["long FLAC", flac(44_100, 44_100 * 200_000), 200_000],
    ["MPEG-4", mpeg4(1_000, 61_001), 62],
  ])("%s says itself", (_, bytes, seconds) => {
    expect(soundLength(bytes)).toEqual(exactly(seconds));
  });

  test.each([
    ["MP3", Buffer.concat([Buffer.from("ID3"), Buffer.alloc(79_997)]), 10, 80],
    ["Opus", Buffer.concat([Buffer.from("OggS"), Buffer.alloc(29_996)]), 10, 40],
    ["a broken WAV", Buffer.from("RIFF....WAVEfmt "), 1, 1],
    ["a WAV of no rate", wav(0, 8_000), 2, 9],
    ["a film whose boxes lead nowhere", Buffer.from("\0\0\0\x08ftyp\0\0\0\0moov"), 1, 1],
    ["an absurd length", mpeg4(1, 4_000_000_000), 1, 1],
    ["nothing known", Buffer.from([1, 2, 3]), 1, 1],
  ])("of %s is told by its size", (_, bytes, likelySeconds, mostSeconds) => {
    expect(soundLength(bytes)).toEqual({ likelySeconds, mostSeconds });
  });
});

describe("a header that says too little is held for by the size", () => {
  test.each([
    [
      "a WAV with a rate of bytes that its samples have not",
      forged(wav(8_000, 80_000), 28, 0, 0, 0, 0x7f),
      10,
    ],
    ["a WAV whose samples go on behind their end", wav(8_000, 80_000, 100), 10],
    ["a packed WAV", forged(wav(8_000, 80_000), 20, 0x55), 80],
    [
      "a WAV of two formats",
      Buffer.concat([wav(8_000, 0).subarray(0, 36), wav(8_000, 80_000).subarray(12)]),
      80,
    ],
    ["FLAC", Buffer.concat([flac(16_000, 10), Buffer.alloc(32_000)]), 11],
    ["FLAC of samples that nobody makes", Buffer.concat([flac(655_350, 10), Buffer.alloc(80_000)]), 11],
    ["MPEG-4", Buffer.concat([mpeg4(1_000, 10), Buffer.alloc(80_000)]), 81],
  ])("%s", (_, bytes, mostSeconds) => {
    const { likelySeconds, ...length } = soundLength(bytes);
    expect(length).toEqual({ mostSeconds, isTold: true });
    expect(likelySeconds).toBeLessThanOrEqual(10);
  });
});

test("a body of nothing but empty chunks is not looked through to its end", () => {
  const riff = Buffer.alloc(1024 * 1024);
  riff.write("RIFF", 0);
  riff.write("WAVE", 8);
  riff.write("fmt ", riff.length - 100);
  riff.writeUInt32LE(8_000, riff.length - 84);
  riff.write("data", riff.length - 92 + 16);
  expect(soundLength(riff).isTold).toBeUndefined();
  const film = Buffer.alloc(1024 * 1024);
  for (let at = 0; at < film.length; at += 8) film.writeUInt32BE(8, at);
  film.write("ftyp", 4);
  const end = Buffer.concat([film, mpeg4(1_000, 61_001).subarray(16)]);
  expect(soundLength(end).isTold).toBeUndefined();
});
