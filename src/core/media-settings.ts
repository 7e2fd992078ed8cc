/** Where pictures and sound are kept, and for how long. */
export interface MediaSettings {
  /** Absent: on disk, below the data directory. */
  readonly s3?: S3Settings;
  readonly keepForMs: number;
  /** How long a signed link opens what it names; absent: for as long as that is kept. */
  readonly linkForMs?: number;
  /** Largest single picture, piece of sound or file of JSON lines. */
  readonly maxBytes: number;
  /** All that the clients of one tenant have uploaded and that is still kept. */
  readonly tenantBytes: number;
}

/** A store that speaks S3's protocol. */
export interface S3Settings {
  /** Absent: Amazon's own, by the region. */
  readonly endpoint?: string;
  readonly bucket: string;
  /** Absent: us-east-1, which most other stores ignore. */
  readonly region?: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Before every key; without a slash at its ends. Empty: none. */
  readonly prefix: string;
}

export const DEFAULT_MEDIA: MediaSettings = {
  keepForMs: 30 * 86_400_000,
  // What OpenAI takes for one picture to edit.
  maxBytes: 50 * 1024 * 1024,
  // 200 pictures of that size, or some thousand usual ones.
  tenantBytes: 10 * 1024 ** 3,
};
