/** What the viewer is opened with. */

/** `from`: what gets the focus back. */
export type Viewing = { fileId: number; from: HTMLElement };
