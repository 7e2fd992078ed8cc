/** The sandbox's voice: 24 kHz, 16 bits, one channel, as OpenAI's is. */
const RATE = 24_000;
export const BYTES_A_SECOND = RATE * 2;
const MS_A_SIGN = 60;
const LOUDNESS = 6_000;
const LOWEST_HZ = 220;
const STEPS = 24;

/** A tone for each sign, silence for a space. The same for the same text. */
export function samplesOf(text: string): Uint8Array {
  const signs = [...text];
  const length = (RATE * MS_A_SIGN) / 1_000;
  const samples = new Int16Array(signs.length * length);
  signs.forEach((sign, index) => {
    if (/\s/.test(sign)) return;
    const hertz = LOWEST_HZ * 2 ** (((sign.codePointAt(0) ?? 0) % STEPS) / 12);
    for (let at = 0; at < length; at += 1) {
      // Swells and fades, so that no tone clicks.
      const swell = Math.sin((Math.PI * at) / length);
      samples[index * length + at] = Math.round(
        LOUDNESS * swell * Math.sin((2 * Math.PI * hertz * at) / RATE),
      );
    }
  });
  return new Uint8Array(samples.buffer);
}

/** RIFF's header for so many bytes of samples, and the words as its comment, by which the sandbox knows them again. */
export function wavHead(text: string, sampleBytes: number): Uint8Array {
  const words = Buffer.from(text);
  const padded = words.length + (words.length % 2);
  const head = Buffer.alloc(12 + 24 + 8 + 4 + 8 + padded + 8);
  let at = head.write("RIFF", 0);
  at = head.writeUInt32LE(head.length - 8 + sampleBytes, at);
  at += head.write("WAVEfmt ", at);
  at = head.writeUInt32LE(16, at);
  at = head.writeUInt16LE(1, at);
  at = head.writeUInt16LE(1, at);
  at = head.writeUInt32LE(RATE, at);
  at = head.writeUInt32LE(BYTES_A_SECOND, at);
  at = head.writeUInt16LE(2, at);
  at = head.writeUInt16LE(16, at);
  at += head.write("LIST", at);
  at = head.writeUInt32LE(4 + 8 + padded, at);
  at += head.write("INFOICMT", at);
  at = head.writeUInt32LE(words.length, at);
  words.copy(head, at);
  at += padded;
  at += head.write("data", at);
  head.writeUInt32LE(sampleBytes, at);
  return new Uint8Array(head);
}

/** What the sandbox said in a recording of its own; undefined for any other. */
export function wordsIn(recording: Uint8Array): string | undefined {
  const bytes = Buffer.from(recording.buffer, recording.byteOffset, recording.byteLength);
  const at = bytes.subarray(0, 64).indexOf("INFOICMT");
  if (at < 0 || bytes.length < at + 12) return undefined;
  const length = bytes.readUInt32LE(at + 8);
  return bytes.subarray(at + 12, at + 12 + length).toString("utf8");
}

/** Seconds of a recording of the sandbox's form; of others as if they were of 64 kbit/s. */
export function secondsOf(recording: Uint8Array): number {
  const bytes = Buffer.from(recording.buffer, recording.byteOffset, recording.byteLength);
  if (bytes.subarray(0, 4).toString("latin1") !== "RIFF" || bytes.length < 44) return bytes.length / 8_000;
  const data = bytes.indexOf("data");
  const perSecond = bytes.readUInt32LE(28);
  return data < 0 || perSecond === 0 ? bytes.length / 8_000 : (bytes.length - data - 8) / perSecond;
}
