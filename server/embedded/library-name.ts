/** The native libraries that the single executable carries. */
export const LIBRARY_NAMES = ['sqlite', 'sharp'] as const;
export type LibraryName = (typeof LIBRARY_NAMES)[number];
