/** What can be asked of sound: to be made of a text, and to be written down, as it is or in English. */
export const SOUND_OPERATIONS = ["speech", "transcription", "translation"] as const;

/** A recording as a client sent it, and how long it is: what its writing down is held for and charged by. */
export interface SoundFile {
  /** The client's own: vendors tell the format by its end. */
  readonly name: string;
  readonly contentType: string;
  readonly bytes: Uint8Array;
  /** Whole seconds, rounded up: as the recording says itself, else by its size. */
  readonly likelySeconds: number;
  /** It cannot be longer, whatever it says of itself. */
  readonly mostSeconds: number;
  /** `likelySeconds` is what the recording says. */
  readonly isTold?: true;
}
