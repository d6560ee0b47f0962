/** What a picture may cost, on both sides of the pipe to the process that decodes it. */

/** A larger one gets no preview: it is held in that process' memory while it is decoded. */
export const MAX_PICTURE_BYTES = 64 * 1024 * 1024;
/** By its header, before anything is decoded. */
export const MAX_PICTURE_PIXELS = 50_000_000;
export const THUMBNAIL_PX = 640;
/** A thumbhash is made of no more. */
export const PLACEHOLDER_PX = 100;
/** Noise of 640 × 640 is a third of it. */
export const MAX_THUMBNAIL_BYTES = 1024 * 1024;
export const MAX_ANSWER_BYTES = 4096;
/** A picture is made smaller when it has at most this share of its bytes then. */
export const COMPRESSED_SHARE = 0.9;
/** One that is smaller is left as it is. */
export const MIN_COMPRESSED_BYTES = 64 * 1024;
/** From the last byte sent to the answer. */
export const MAX_DECODE_MS = 20_000;
/** From the first byte to the last. */
export const MAX_SEND_MS = 60_000;
export const MAX_START_MS = 20_000;
/** What a program that makes a picture of something else may cost: time of the processor, time, memory, and bytes of what it makes. */
export const MAX_RENDER_CPU_SECONDS = 20;
export const MAX_RENDER_MS = 60_000;
export const MAX_RENDER_MEMORY_BYTES = 1024 * 1024 * 1024;
/** It reads a copy, which is made first. */
export const MAX_COPY_MS = 60_000;
/** Of a video that is larger only its beginning and its end are there: the first frames, and the table that many have at the end. */
export const VIDEO_HEAD_BYTES = 48 * 1024 * 1024;
export const VIDEO_TAIL_BYTES = 16 * 1024 * 1024;
/** Of the whole process: 50 megapixels of 16 bits and alpha are 400 MB. */
export const MAX_RESIDENT_BYTES = 640 * 1024 * 1024;
/** What the kernel lets it ask for: more than it may use, so that it can say itself that it was too much. */
export const MAX_DATA_BYTES = 1536 * 1024 * 1024;
/** Then a new process takes over: what a library has lost of its memory is given back. */
export const MAX_PICTURES_A_PROCESS = 200;
export const MAX_IDLE_MS = 30_000;
