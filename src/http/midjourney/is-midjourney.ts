/** The speeds that a path can name before the protocol's own: `/mj-fast/mj/submit/imagine`. */
export const MODES = ["fast", "turbo", "relax"] as const;
export type Mode = (typeof MODES)[number];

const PATHS = new RegExp(`^/mj(?:-(?:${MODES.join("|")})/mj)?/`);

/** Whether a request is in the dialect of midjourney-proxy: its paths are its own. */
export const isMidjourney = ({ url }: Request): boolean => PATHS.test(new URL(url).pathname);
