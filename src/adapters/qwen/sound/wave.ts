/** What Qwen's sound is made of, in a stream: 24,000 samples a second, 16 bits, one channel (Model Studio's qwen-tts). */
const SAMPLES_A_SECOND = 24_000;
const BYTES_A_SAMPLE = 2;
const CHANNELS = 1;
const PCM = 1;
const FORMAT_BYTES = 16;
/** Nobody knows how long it will be: players then read to the end, as of OpenAI's own WAV streams. */
const UNKNOWN_LENGTH = 0xffff_ffff;

/** The header that makes a WAV file of the samples that follow it. */
export function waveHeader(): Uint8Array {
  const header = Buffer.alloc(44);
  header.write("RIFF", 0, "latin1");
  header.writeUInt32LE(UNKNOWN_LENGTH, 4);
  header.write("WAVEfmt ", 8, "latin1");
  header.writeUInt32LE(FORMAT_BYTES, 16);
  header.writeUInt16LE(PCM, 20);
  header.writeUInt16LE(CHANNELS, 22);
  header.writeUInt32LE(SAMPLES_A_SECOND, 24);
  header.writeUInt32LE(SAMPLES_A_SECOND * BYTES_A_SAMPLE * CHANNELS, 28);
  header.writeUInt16LE(BYTES_A_SAMPLE * CHANNELS, 32);
  header.writeUInt16LE(BYTES_A_SAMPLE * 8, 34);
  header.write("data", 36, "latin1");
  header.writeUInt32LE(UNKNOWN_LENGTH, 40);
  return header;
}

/**
 * The samples behind a header that a stream may begin with; what has none as it is. Undefined: a header of sound of
 * another kind, or half of one.
 */
export function samplesIn(bytes: Buffer): Buffer | undefined {
  const word = (at: number): string => bytes.toString("latin1", at, at + 4);
  if (word(0) !== "RIFF") return bytes;
  let isOurs = false;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const size = bytes.readUInt32LE(at + 4);
    if (word(at) === "data") return isOurs ? bytes.subarray(at + 8) : undefined;
    if (word(at) === "fmt " && at + 24 <= bytes.length) {
      isOurs =
        bytes.readUInt16LE(at + 8) === PCM &&
        bytes.readUInt16LE(at + 10) === CHANNELS &&
        bytes.readUInt32LE(at + 12) === SAMPLES_A_SECOND &&
        bytes.readUInt16LE(at + 22) === BYTES_A_SAMPLE * 8;
    }
    at += 8 + size;
  }
  return undefined;
}
