import { GLYPH_HEIGHT, GLYPH_WIDTH, hasInk } from "./glyphs.ts";
import { type Colour, encodePng } from "./png.ts";

export interface Drawing {
  readonly text: string;
  readonly width: number;
  readonly height: number;
  readonly isTransparent: boolean;
  /** What else the picture depends on: pictures worked from, a seed, its place among several. */
  readonly salt: string;
}

/** The largest letters: points of so many pixels. */
const MOST_SCALE = 16;
/** Between the letters and the edge, in pixels. */
const MARGIN = 8;
const PAPER = 0;
const INK = 1;
const FRAME = 2;

/** The text on coloured paper, as a PNG. The same drawing gives the same bytes. */
export function draw({ text, width, height, isTransparent, salt }: Drawing): Uint8Array {
  const [red = 0, green = 0, blue = 0] = new Bun.CryptoHasher("sha256").update(`${salt}\n${text}`).digest();
  const frame: Colour = [red >> 1, green >> 1, blue >> 1, 255];
  const paper: Colour = [128 + (red >> 1), 128 + (green >> 1), 128 + (blue >> 1), isTransparent ? 0 : 255];
  const points = new Uint8Array(width * height).fill(PAPER);
  for (let x = 0; x < width; x += 1) points[x] = points[(height - 1) * width + x] = FRAME;
  for (let y = 0; y < height; y += 1) points[y * width] = points[y * width + width - 1] = FRAME;
  write(points, width, height, text);
  return encodePng(width, height, [paper, [16, 16, 16, 255], frame], points);
}

/** In the largest letters with which all of it fits, else in the smallest and cut off. */
function write(points: Uint8Array, width: number, height: number, text: string): void {
  const characters = [...text];
  const room = { width: width - 2 * MARGIN, height: height - 2 * MARGIN };
  for (let scale = MOST_SCALE; scale >= 1; scale -= 1) {
    const columns = Math.floor(room.width / ((GLYPH_WIDTH + 1) * scale));
    const rows = Math.floor(room.height / ((GLYPH_HEIGHT + 1) * scale));
    if (columns < 1 || rows < 1) continue;
    if (scale > 1 && Math.ceil(characters.length / columns) > rows) continue;
    for (const [at, character] of characters.slice(0, columns * rows).entries()) {
      const left = MARGIN + (at % columns) * (GLYPH_WIDTH + 1) * scale;
      const top = MARGIN + Math.floor(at / columns) * (GLYPH_HEIGHT + 1) * scale;
      stamp(points, width, character, left, top, scale);
    }
    return;
  }
}

function stamp(
  points: Uint8Array,
  width: number,
  character: string,
  left: number,
  top: number,
  scale: number,
): void {
  for (let y = 0; y < GLYPH_HEIGHT * scale; y += 1) {
    for (let x = 0; x < GLYPH_WIDTH * scale; x += 1) {
      if (hasInk(character, Math.floor(x / scale), Math.floor(y / scale))) {
        points[(top + y) * width + left + x] = INK;
      }
    }
  }
}
