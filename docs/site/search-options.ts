/** How the search's index is made and read: the same for the build and for the page. */
import type { Options } from 'minisearch';

export const SEARCH_OPTIONS: Options = {
  fields: ['title', 'page', 'text'],
  storeFields: ['page', 'title'],
  // Also names of settings and codes: CHAT_MAX_FILE_SIZE, storage-full.
  tokenize: (text) =>
    [...text.split(/[^\p{L}\p{N}]+/u), ...(text.match(/\w+(?:[_-]\w+)+/g) ?? [])].filter((word) => word.length > 1),
  searchOptions: { prefix: true, fuzzy: 0.15, boost: { title: 4, page: 2 }, combineWith: 'AND' },
};
