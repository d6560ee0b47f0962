/** What a use case needs of the lock of an upload: to be alone with it. */

/** Runs work as the only one on an upload, after its writer has stopped and put on disk what it had. Not to be nested. */
export type Exclusively = <T>(uploadId: string, work: () => Promise<T>) => Promise<T>;
