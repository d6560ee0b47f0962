/** A stored file that the rules can look into. */

/** Reads `lengthBytes` from `position` on; fewer bytes when the file ends before. */
export type ReadBytes = (position: number, lengthBytes: number) => Promise<Uint8Array>;

/** Random access to a stored file. `read` answers fewer bytes than asked for only where the file ends. */
export type WholeFile = { sizeBytes: number; read: ReadBytes };
