/** What goes wrong with the processes that make previews, and not with the file. */

/** It ended, took too long, or said what nobody understands: another try may do, with another process. */
export class ProcessFault extends Error {}

/** No decoder is there: what needs it has to wait for one. */
export class NoDecoder extends Error {}
