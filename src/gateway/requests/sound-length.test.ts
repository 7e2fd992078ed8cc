import { describe, expect, test } from "bun:test";
import { soundLength } from "./sound-length.ts";

/** One channel of 8 bits, so that a byte is a sample. */
function wav(rate: number, samples: number, told = samples): Uint8Array {
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(Math.min(36 + told, 0xffff_ffff), 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt32LE(rate, 28);
  head.write("data", 36);
  head.writeUInt32LE(told, 40);
  return Buffer.concat([head, Buffer.alloc(samples)]);
}

function flac(rate: number, samples: number): Uint8Array {
  const bytes = Buffer.alloc(42);
  bytes.write("fLaC", 0);
  bytes.writeUInt32BE((rate << 12) >>> 0, 18);
  bytes.writeUInt8(Math.floor(samples / 2 ** 32), 21);
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

const exactly = (seconds: number) => ({ likelySeconds: seconds, mostSeconds: seconds });

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
