import { JSON_LEVELS, JSON_VALUES } from "../core/limits.ts";
import { type Excess, TOO_DEEP, TOO_MANY } from "../core/nesting.ts";

/** Shorter frames hold too little to cost anything. */
const LOOKED_AT_BYTES = 8 * 1024;

/** How many bytes follow a tag from 0xc0 on that has no length of its own: https://github.com/msgpack/msgpack, spec.md. */
const FOLLOWING: Readonly<Record<number, number>> = {
  ...{ 202: 4, 203: 8 },
  ...{ 204: 1, 205: 2, 206: 4, 207: 8, 208: 1, 209: 2, 210: 4, 211: 8 },
  ...{ 212: 2, 213: 3, 214: 5, 215: 9, 216: 17 },
};
/** How many bytes tell the length of bytes or text, and how many stand between that and these. */
const SIZED: Readonly<Record<number, readonly [bytes: number, between: number]>> = {
  ...{ 196: [1, 0], 197: [2, 0], 198: [4, 0] },
  ...{ 199: [1, 1], 200: [2, 1], 201: [4, 1] },
  ...{ 217: [1, 0], 218: [2, 0], 219: [4, 0] },
};
/** How many bytes tell the length of a list or a map, and how many values each entry of it is. */
const HOLDING: Readonly<Record<number, readonly [bytes: number, each: number]>> = {
  ...{ 220: [2, 1], 221: [4, 1], 222: [2, 2], 223: [4, 2] },
};

/**
 * The same of a frame in MessagePack as `excessOf` finds of JSON: millions of empty lists are unpacked for ten seconds. What
 * is no MessagePack is for the decoder to say.
 */
export function excessOfMsgpack(frame: Uint8Array): Excess {
  const { length } = frame;
  if (length <= LOOKED_AT_BYTES) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, length);
  /** How many values each list or map that is open still waits for. */
  const open: number[] = [];
  let values = 0;
  // What stands behind the first value is counted, too: the decoder may take it for a part of that.
  for (let at = 0; at < length; ) {
    values += 1;
    if (values > JSON_VALUES) return TOO_MANY;
    const { next, inside } = valueAt(view, at);
    at = next;
    if (inside > 0) {
      open.push(inside);
      if (open.length > JSON_LEVELS) return TOO_DEEP;
    } else closeFull(open);
  }
  return undefined;
}

/** A value has ended, and with it whatever it was the last one of. */
function closeFull(open: number[]): void {
  for (let top = open.length - 1; top >= 0; top -= 1) {
    const left = (open[top] ?? 0) - 1;
    open[top] = left;
    if (left > 0) return;
    open.pop();
  }
}

/** Where the next value begins, and how many of the next ones are inside this one. */
function valueAt(view: DataView, at: number): { readonly next: number; readonly inside: number } {
  const tag = view.getUint8(at);
  const next = at + 1;
  if (tag < 0x80 || tag >= 0xe0) return { next, inside: 0 };
  if (tag < 0x90) return { next, inside: (tag & 0x0f) * 2 };
  if (tag < 0xa0) return { next, inside: tag & 0x0f };
  if (tag < 0xc0) return { next: next + (tag & 0x1f), inside: 0 };
  const sized = SIZED[tag];
  if (sized !== undefined) {
    const [bytes, between] = sized;
    return { next: next + bytes + between + lengthAt(view, next, bytes), inside: 0 };
  }
  const holding = HOLDING[tag];
  if (holding !== undefined) {
    const [bytes, each] = holding;
    return { next: next + bytes, inside: lengthAt(view, next, bytes) * each };
  }
  return { next: next + (FOLLOWING[tag] ?? 0), inside: 0 };
}

/** 0 where the frame ends before. */
function lengthAt(view: DataView, at: number, bytes: number): number {
  if (at + bytes > view.byteLength) return 0;
  if (bytes === 1) return view.getUint8(at);
  return bytes === 2 ? view.getUint16(at) : view.getUint32(at);
}
