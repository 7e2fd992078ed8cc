/** What a model's name tells about it (Model Studio's chat reference and thinking guide). */

/** Cannot answer whole: the QwQ and QVQ lines and the omni models only stream. */
export const onlyStreams = (model: string): boolean => /^(?:qwq|qvq)|omni/i.test(model);

/** Always thinks. */
export const onlyThinks = (model: string): boolean => /^(?:qwq|qvq)|-thinking(?:-|$)/i.test(model);

/** Open-source Qwen3 (named by its size): thinks unless told otherwise, and then only streams. */
export const isOpenQwen3 = (model: string): boolean =>
  /^qwen3-\d+(?:\.\d+)?b/i.test(model) && !/-instruct(?:-|$)/i.test(model);

/** Thinks unless told otherwise: open-source Qwen3, and everything from Qwen 3.5 on. */
export const thinksByDefault = (model: string): boolean =>
  onlyThinks(model) || isOpenQwen3(model) || isNewerLine(model);

/** From Qwen 3.5 on; these also take JSON schemas. */
export const isNewerLine = (model: string): boolean => generationOf(model) >= 3.5;

/** The qwen3.8 line has levels of effort of its own. */
export const hasEffortLevels = (model: string): boolean => generationOf(model) >= 3.8;

/**
 * Served by the multimodal endpoint of DashScope's own protocol: what reads pictures or sound, and from Qwen 3.5 on all
 * but the max models (its reference: qwen3.5-plus, qwen3.7-plus, qwen3-vl-plus).
 */
export const readsMedia = (model: string): boolean =>
  /-vl|^qvq|omni|-ocr|audio/i.test(model) || (isNewerLine(model) && !/-max/i.test(model));

/** Takes the level `none` too. */
export const isOmni = (model: string): boolean => /omni/i.test(model);

/** 3.8 for `qwen3.8-max`, 0 without a number. */
const generationOf = (model: string): number => Number(/^qwen-?(\d+(?:\.\d+)?)/i.exec(model)?.[1] ?? 0);
