import { expect, test } from "bun:test";
import { contentTypeOf, extensionOf } from "./sniff.ts";

const latin = (text: string) => Buffer.from(text, "latin1");

test.each([
  ["\x89PNG\r\n\x1a\n", "image/png", "png"],
  ["\xff\xd8\xff\xe0", "image/jpeg", "jpg"],
  ["RIFF\x10\0\0\0WEBPVP8 ", "image/webp", "webp"],
  ["GIF89a", "image/gif", "gif"],
  ["\0\0\0\x1cftypavif", "image/avif", "avif"],
  ["\0\0\0\x18ftypheic", "image/heic", "heic"],
  ["RIFF\x10\0\0\0WAVEfmt ", "audio/wav", "wav"],
  ["OggS\0", "audio/ogg", "ogg"],
  ["fLaC", "audio/flac", "flac"],
  ["ID3\x04", "audio/mpeg", "mp3"],
  ["\xff\xfb\x90\x64", "audio/mpeg", "mp3"],
  ["\xff\xf3\x40\xc4", "audio/mpeg", "mp3"],
  ["\xff\xf1\x50\x80", "audio/aac", "aac"],
  ["\0\0\0\x20ftypM4A ", "audio/mp4", "m4a"],
  ["\x1a\x45\xdf\xa3", "audio/webm", "webm"],
] as const)("%j is %s", (head, type, extension) => {
  const found = contentTypeOf(latin(head));
  expect([found, extensionOf(found ?? "")]).toEqual([type, extension]);
});

test.each([
  "",
  "P",
  "\x89PNG",
  "RIFF\0\0\0\0AVI ",
  "<svg xmlns",
  "<!doctype html>",
  "%PDF-1.4",
  "MZ\x90\0",
  "PK\x03\x04",
  "\xff\xfe<\0",
  "BM",
  "\xff\xff\xff\xff",
])("%j is neither picture nor sound", (head) => {
  expect(contentTypeOf(latin(head))).toBeUndefined();
});
