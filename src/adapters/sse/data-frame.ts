/** A frame of Server-Sent Events that holds a value as JSON, and nothing else. */
export const dataFrame = (value: object): Uint8Array => Buffer.from(`data: ${JSON.stringify(value)}\n\n`);
