/** The names of the script and of what was prepared of it. */

/** The hash of the code is in both: what was prepared of other code would be run for it. */
export const scriptName = (hash: string) => `server-${hash}.cjs`;

/** For one kind of machine and one version of Node. */
export const preparedName = (hash: string) =>
  `server-${hash}-node-${process.versions.node}-${process.platform}-${process.arch}.bin`;
