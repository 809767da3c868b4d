/** The version of every part of this repository. */
export const VERSION = "0.0.1";
